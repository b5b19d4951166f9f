"""Training is repeatable, looks at test rows once, and reaches what it promises on real data."""

import importlib
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import make_pipeline
from threadpoolctl import threadpool_limits

from tests.bundles import SERVICES, portfolio, train_service
from towpath.bundle.read import read_bundle, read_golden
from towpath.core import formats, manifest
from towpath.core.contract import Field
from towpath.core.evaluation import Evaluation
from towpath.core.formats import read_record
from towpath.core.golden import GoldenRow
from towpath.core.plan import Plan
from towpath.core.settings import Settings
from towpath.data.table import LabelledRows, read_rows
from towpath.declare import at_least, random
from towpath.declare.service import Service
from towpath.engine.answers import Said
from towpath.engine.contributions import logistic
from towpath.engine.engine import build_engine, open_engine
from towpath.training.golden import golden_records, to_frame
from towpath.training.split import split_rows
from towpath.training.train import Trained, train
from towpath.wiring import Project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return portfolio(tmp_path / "state")


@pytest.fixture
def churn(tmp_path: Path) -> tuple[Service, LabelledRows]:
    """The churn service with 2,000 invented rows: enough to train on, quick to train."""
    service = portfolio(tmp_path).service("bankchurn")
    frame = service.data.generator(2_000, 7)
    features = frame[service.columns.names].astype(dict.fromkeys(service.columns.numbers, "float64"))
    features = features.astype({"Geography": object, "Gender": object})
    rows = LabelledRows(features, frame[["CustomerId"]], frame["Exited"].to_numpy(np.int64), "generated", ())
    return service, rows


def trained(service: Service, rows: LabelledRows, seed: int = 42) -> Trained:
    return train(service, rows, seed=seed, say=lambda line: None)


def identity(result: Trained) -> str:
    return manifest.bundle_id(manifest.list_files("any", result.files))


@pytest.mark.scenario("S060")
def test_the_same_data_code_and_seed_give_the_same_bundle(churn: tuple[Service, LabelledRows]):
    assert identity(trained(*churn)) == identity(trained(*churn))


@pytest.mark.scenario("S060")
def test_another_seed_gives_another_bundle(churn: tuple[Service, LabelledRows]):
    assert identity(trained(*churn, seed=1)) != identity(trained(*churn, seed=2))


def test_threshold_and_model_are_chosen_on_training_rows_only(churn: tuple[Service, LabelledRows]):
    service, rows = churn
    service.split = random(test=0.2, seed=42)  # does not look at the targets, so the same rows are held out
    _, test = split_rows(service.split, rows.targets)
    other_truth, other_rows = rows.targets.copy(), rows.features.copy()
    other_truth[test] = 1 - other_truth[test]
    other_rows.loc[test, "Age"] = 99.0

    first, second = trained(service, rows), trained(service, replace(rows, targets=other_truth, features=other_rows))

    for name in (manifest.GRAPH, manifest.EXPLAIN, manifest.SETTINGS, manifest.PLAN, manifest.GOLDEN):
        assert first.files[name] == second.files[name]
    assert first.evaluation.metric("auc") != second.evaluation.metric("auc")


def test_the_split_is_kept_by_position_and_digest(churn: tuple[Service, LabelledRows]):
    result = trained(*churn)

    assert sorted([*result.train, *result.test]) == list(range(2_000))
    assert result.data.split.sha256 == formats.digest(
        formats.canonical({"train": result.train.tolist(), "test": result.test.tolist()})
    )


def test_the_holdout_sample_is_known_by_its_digest(churn: tuple[Service, LabelledRows]):
    result = trained(*churn)

    assert result.data.holdout == formats.digest(result.holdout)
    assert len(result.holdout.splitlines()) == 400


def test_no_real_persons_row_is_golden(project: Project):
    service = project.service("bankchurn")
    rows = read_rows(service, project.objects, project.data_folders(), seed=42)
    people = {tuple(row) for row in rows.features.fillna(-1).astype(str).to_numpy().tolist()}
    golden = golden_rows(trained(service, rows))
    frame = to_frame(service.columns.fields, [row.record for row in golden])
    told = {tuple(row) for row in frame.fillna(-1).astype(str).to_numpy().tolist()}

    assert 64 <= len(golden) <= 256
    assert not people & told


def test_golden_rows_hold_edges_nulls_and_thresholds(bundles: dict[str, Path]):
    kinds = [row.why for row in read_bundle(bundles["bankchurn"]).golden()]

    assert set(kinds) == {"typical", "edge", "missing", "threshold"}


def test_a_threshold_moved_in_the_settings_moves_decisions_and_nothing_else(churn: tuple[Service, LabelledRows]):
    result = trained(*churn)
    contract, plan = churn[0].contract(), msgspec.json.decode(result.files[manifest.PLAN], type=Plan)
    low, high = (build_engine(contract, plan, Settings(threshold), result.files) for threshold in (1e-9, 1 - 1e-9))
    records = [low.read(row.record) for row in golden_rows(result)]
    said = Said("bankchurn@1.0.0", "2026-11-21T10:57:22Z")

    assert {answer["churn_prediction"] for answer in low.answers(records, said)} == {1}
    assert {answer["churn_prediction"] for answer in high.answers(records, said)} == {0}
    assert np.array_equal(low.scores(records), high.scores(records))


CHAMPION = ["inconclusive"]
"""What no training alone can pass: a champion to be no worse than."""


def not_passed(result: Trained) -> list[str]:
    """The verdicts of the gates that did not pass; only the champion's may not."""
    left = [gate for gate in result.evaluation.gates if gate.verdict != "pass"]
    assert all("no worse than the champion's" in gate.gate for gate in left), left
    return [gate.verdict for gate in left]


def golden_rows(result: Trained) -> list[GoldenRow]:
    return read_golden(result.files[manifest.GOLDEN], Path("memory"))


@pytest.mark.scenario("S116")
def test_contributions_add_up_to_the_answer_and_differ_between_customers(bundles: dict[str, Path]):
    bundle = read_bundle(bundles["bankchurn"])
    engine = open_engine(bundle)
    records = [engine.read(row.record) for row in bundle.golden()]
    base = logistic(engine.contributions(records[:1])[0].base[0])
    answers = engine.answers(records, Said("x", "t"))

    assert max(abs(base + sum(a["feature_contributions"].values()) - a["churn_probability"]) for a in answers) < 1e-12
    assert len({tuple(answer["feature_contributions"].values()) for answer in answers}) > 100


REAL: list[tuple[str, str, Callable[[float], bool], str]] = [
    ("iris", "accuracy", lambda value: value == 1.0, "the original's 1.0"),
    ("bankchurn", "auc", lambda value: value >= 0.864, "the original's 0.858"),
    ("bankchurn", "f1", lambda value: value >= 0.62, "the original's 0.595"),
    ("sentiment", "accuracy", lambda value: value >= 0.78, "the original's 0.110"),
    ("ml-service", "accuracy", lambda value: value == 1.0, "the original's 1.0"),
    ("ml-api", "accuracy", lambda value: value >= 0.97, "the original's 0.973, on the rows that it learnt"),
    ("telecom", "auc", lambda value: value >= 0.838, "the original's 0.840"),
    ("telecom", "f1", lambda value: value >= 0.625, "the original's 0.618"),
    ("carvision", "r2", lambda value: value >= 0.812, "the original's 0.766, and 0.746 as it was served"),
    ("carvision", "rmse", lambda value: value <= 4300, "the original's 4,794"),
]


@pytest.mark.data
@pytest.mark.parametrize("name", SERVICES)
def test_on_real_data_each_service_is_better_than_its_original(real_data: Path, project: Project, name: str):
    result = train_service(project, name)

    assert result.data.origin == "real"
    for service, metric, good_enough, original in REAL:
        if service == name:
            found = result.evaluation.metric(metric)
            assert found is not None and good_enough(found.value), f"{name} {found} against {original}"
    assert not_passed(result) in ([], CHAMPION)


@pytest.mark.data
@pytest.mark.parametrize("name", SERVICES)
def test_what_is_compiled_answers_as_scikit_learn_does(real_data: Path, project: Project, name: str):
    parity = train_service(project, name).evaluation.parity

    assert (parity.flips, parity.worst <= 1e-12) == (0, True)


@pytest.mark.parametrize("name", ["bankchurn", "telecom", pytest.param("carvision", marks=pytest.mark.slow)])
def test_generated_rows_pass_the_gates_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str):
    monkeypatch.delenv("TOWPATH_DATA", raising=False)
    result = train_service(portfolio(tmp_path), name)

    assert result.data.origin == "generated"
    assert not_passed(result) == CHAMPION
    assert b"Trained on generated rows" in result.files[manifest.CARD]


def test_a_forest_over_several_threads_is_the_same_every_time(churn: tuple[Service, LabelledRows]):
    service, rows = churn
    forest = RandomForestClassifier(20, n_jobs=-1)
    service.build(lambda columns: make_pipeline(columns.encode(numbers="impute"), forest))

    assert len({identity(trained(service, rows)) for _ in range(3)}) == 1


@pytest.mark.parametrize(("library", "name"), [("xgboost", "XGBClassifier"), ("lightgbm", "LGBMClassifier")])
def test_a_booster_of_another_library_trains_to_the_same_bundle_every_time(
    churn: tuple[Service, LabelledRows], library: str, name: str
):
    service, rows = churn
    kind = getattr(importlib.import_module(library), name)
    service.build(lambda columns: make_pipeline(columns.encode(), kind(n_estimators=10, subsample=0.7)))

    assert len({identity(trained(service, rows)) for _ in range(2)}) == 1


def test_a_metric_without_a_number_is_named_and_can_be_read_back(churn: tuple[Service, LabelledRows]):
    service, rows = churn
    service.threshold, service.gates = 0.999, (at_least("precision", 0.1),)
    result = trained(service, rows)

    read = read_record(result.files[manifest.EVALUATION], Evaluation, formats.EVALUATION, "evaluation.json")
    assert (read.undefined, read.gates[0].verdict) == (("precision",), "fail")
    assert b"| precision | not defined on these rows | |" in result.files[manifest.CARD]


def test_the_training_does_not_depend_on_the_number_of_threads(churn: tuple[Service, LabelledRows]):
    with threadpool_limits(limits=1):
        one = identity(trained(*churn))
    with threadpool_limits(limits=os.cpu_count()):
        all_of_them = identity(trained(*churn))

    assert one == all_of_them


def test_a_record_of_one_number_has_golden_rows_that_are_nobodys():
    ages = pd.DataFrame({"age": np.random.default_rng(1).uniform(18, 90, 200)})

    golden = golden_records([Field("age", "number")], ages, [], seed=1)

    assert len(golden) >= 64
    assert not {record["age"] for _, record in golden} & set(ages["age"])


def test_a_column_without_any_value_is_missing_in_every_golden_row():
    random = np.random.default_rng(1)
    frame = pd.DataFrame({"age": random.uniform(18, 90, 200), "never": np.nan, "income": random.normal(size=200)})
    fields = [Field("age", "number"), Field("never", "number", nullable=True), Field("income", "number")]

    golden = golden_records(fields, frame, [], seed=1)

    assert len(golden) >= 64
    assert {record["never"] for _, record in golden} == {None}
