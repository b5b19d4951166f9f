"""What is answered is counted before anybody looks, and by the bundle that answered."""

import shutil
import subprocess

import pytest

from tests.serving.asking import Asked, Turns
from tests.serving.conftest import CUSTOMER
from towpath.bundle.read import read_bundle
from towpath.core.settings import Settings
from towpath.engine.engine import open_engine
from towpath.serving.model import open_model
from towpath.serving.observing import CHUNK
from towpath.serving.routing.loading import revised
from towpath.serving.service import OBSERVED
from towpath.serving.telemetry import observe_process


@pytest.fixture
def asked(bundles) -> Asked:
    turns = Turns()
    return Asked(turns, open_model(bundles["bankchurn"], turns.append))


def age_bins(asked: Asked) -> dict[str, float]:
    found = asked.metrics("towpath_feature_bin_total{")
    return {name: value for name, value in found.items() if 'feature="Age"' in name}


def test_every_series_is_there_at_0_before_anything_is_asked(asked):
    for name in ("feature_bin", "feature_excess", "feature_missing", "feature_unseen", "score_bin", "errors"):
        found = asked.metrics(f"towpath_{name}_total{{")
        assert found and set(found.values()) == {0}, name

    assert len(age_bins(asked)) > 20


def test_a_record_is_counted_in_one_bin_of_each_feature_and_of_each_score(asked):
    asked.ask("POST", "/predict", CUSTOMER)
    bins = asked.metrics("towpath_feature_bin_total{")

    features = {name.split('feature="')[1].split('"')[0] for name in bins}
    assert features == set(CUSTOMER)
    assert sum(bins.values()) == len(CUSTOMER) and max(bins.values()) == 1
    assert next(name for name, value in bins.items() if value and "Geography" in name).endswith('bin="France"}')
    assert sum(asked.metrics("towpath_score_bin_total{").values()) == 1


def test_a_missing_value_is_counted_as_missing_and_in_no_bin(asked):
    asked.ask("POST", "/predict", CUSTOMER | {"Tenure": None})
    missing = asked.metrics("towpath_feature_missing_total{")

    assert [name for name, value in missing.items() if value] == [name for name in missing if "Tenure" in name]
    assert sum(asked.metrics("towpath_feature_bin_total{").values()) == len(CUSTOMER) - 1


def test_what_is_refused_is_in_no_sketch_but_counted_by_field_and_reason(asked):
    asked.ask("POST", "/predict", CUSTOMER | {"Geography": "Italy"})

    assert sum(asked.metrics("towpath_feature_bin_total{").values()) == 0
    assert asked.metric('towpath_rejected_total{service="bankchurn",field="Geography",reason="choice"}') == 1


def test_batches_and_inference_requests_are_counted_by_their_records(asked):
    asked.ask("POST", "/predict_batch", {"customers": [CUSTOMER] * 30})
    asked.ask("POST", "/predict", CUSTOMER)
    tensors = [
        {"name": name, "shape": [2], "datatype": "BYTES" if isinstance(value, str) else "FP64", "data": [value] * 2}
        for name, value in CUSTOMER.items()
    ]
    asked.ask("POST", "/v2/models/bankchurn/infer", {"inputs": tensors})

    assert sum(age_bins(asked).values()) == 33
    assert asked.metric("towpath_batch_rows_sum") == 33 and asked.metric("towpath_batch_rows_count") == 3
    assert sum(asked.metrics("towpath_predictions_total{").values()) == 33


def test_many_records_are_summed_up_without_anybody_looking(asked):
    observer = next(iter(asked.service._observers.values()))
    asked.ask("POST", "/predict_batch", {"customers": [CUSTOMER] * CHUNK})

    assert observer._records == [] and sum(age_bins(asked).values()) == CHUNK


def test_the_classes_that_are_counted_are_those_that_are_answered(bundles):
    turns = Turns()
    iris = Asked(turns, open_model(bundles["iris"], turns.append))
    answered = []
    for width in (0.2, 1.3, 2.3, 2.3):
        reply = iris.ask("POST", "/predict", {"features": [6.0, 3.0, 1.0 + 2 * width, width]})
        answered.append(reply.json()["class_name"])

    told = iris.metrics("towpath_predictions_total{")
    assert {name.split('class="')[1][:-2]: value for name, value in told.items()} == {
        name: answered.count(name) for name in ("setosa", "versicolor", "virginica")
    }


def test_a_bundle_that_comes_back_counts_on_and_those_gone_long_are_told_no_more(asked, bundles):
    first = asked.service.model
    asked.ask("POST", "/predict", CUSTOMER)
    for i in range(OBSERVED - 1):
        asked.service.install(another(bundles, asked.turns, i))
    asked.service.install(first)
    asked.ask("POST", "/predict", CUSTOMER)
    assert sum(value for name, value in age_bins(asked).items() if first.short_id in name) == 2

    for i in range(OBSERVED):
        asked.service.install(another(bundles, asked.turns, 10 + i))
    told = {name.split('bundle="')[1][:12] for name in age_bins(asked)}
    assert told == {f"{10 + i:012d}" for i in range(OBSERVED)}
    assert sum(asked.metrics("towpath_predictions_total{").values()) == 2


def another(bundles, turns: Turns, number: int):
    """The same model under another id."""
    model = open_model(bundles["bankchurn"], turns.append)
    model.short_id = f"{number:012d}"
    return model


def test_a_reference_is_told_as_shares_that_add_up_to_one(asked):
    shares = asked.metrics("towpath_reference_share{")
    tenure = [value for name, value in shares.items() if 'feature="Tenure"' in name]

    assert sum(tenure) == pytest.approx(1)
    assert sum(asked.metrics("towpath_score_reference_share{").values()) == pytest.approx(1)


def test_a_run_of_the_model_is_counted_with_its_rows(asked):
    for _ in range(3):
        asked.begin("POST", "/predict", CUSTOMER)
    asked.turns.run()

    assert asked.metric("towpath_model_run_rows_sum") == 3 and asked.metric("towpath_model_run_rows_count") == 1
    assert asked.metric("towpath_model_run_seconds_count") == 1


def test_no_label_comes_from_what_a_client_sends(asked):
    asked.ask("POST", "/predict", CUSTOMER | {'evil"} 1': 1, "Geography": 'x"} 2'})
    asked.ask("POST", "/predict", b"\x00evil")

    assert b"evil" not in asked.telemetry.exposition()


@pytest.mark.skipif(not shutil.which("promtool"), reason="there is no promtool here: apt-get install prometheus")
def test_promtool_finds_nothing_to_say_about_the_metrics(asked, bundles):
    observe_process(asked.telemetry, 0.0)
    asked.ask("POST", "/predict", CUSTOMER)
    checked = subprocess.run(
        ["promtool", "check", "metrics"], input=asked.telemetry.exposition(), capture_output=True, check=False
    )

    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")


def test_a_text_is_summed_up_by_its_length_and_a_long_one_waits_for_no_other(bundles):
    turns = Turns()
    sentiment = Asked(turns, open_model(bundles["sentiment"], turns.append))
    sentiment.ask("POST", "/predict", {"text": "fine " * 2000})

    assert next(iter(sentiment.service._observers.values()))._records == []
    lengths = sentiment.metrics("towpath_feature_bin_total{")
    assert sum(lengths.values()) == 1 and all('feature="text.length"' in name for name in lengths)


def test_a_long_text_that_comes_in_one_turn_with_short_ones_is_not_kept_either(bundles):
    turns = Turns()
    sentiment = Asked(turns, open_model(bundles["sentiment"], turns.append))
    for text in ("fine", "fine " * 2000):
        sentiment.begin("POST", "/predict", {"text": text})
    turns.run()

    assert next(iter(sentiment.service._observers.values()))._records == []


def test_numbers_near_the_end_of_what_there_is_leave_the_metrics_finite(asked):
    for _ in range(3):
        asked.ask("POST", "/predict", CUSTOMER | {"Balance": 1.7e308})
    told = asked.metrics("towpath_feature_excess_total{")

    assert max(told.values()) == pytest.approx(3e290)
    assert b" inf" not in asked.telemetry.exposition() and b"Inf}" not in asked.telemetry.exposition()


def test_each_revision_of_one_bundle_is_counted_by_the_settings_that_it_answers_with(bundles):
    turns = Turns()
    bundle = read_bundle(bundles["bankchurn"])
    engine = open_engine(bundle)
    models = [
        revised(bundle, engine, Settings(threshold), "bankchurn@1.0.0", f"bankchurn/prod#{number}", turns.append)
        for number, threshold in ((7, 0.0), (8, 1.0))
    ]
    asked = Asked(turns, models[0])
    asked.service.install(*models)
    for model in (*models, models[1]):
        asked.service.choose = lambda exchange, again, model=model: model
        asked.ask("POST", "/predict", CUSTOMER)
    told = asked.metrics("towpath_predictions_total{")

    assert next(value for name, value in told.items() if f'class="{models[0].classes[1]}"' in name) == 1
    assert sum(age_bins(asked).values()) == 3
