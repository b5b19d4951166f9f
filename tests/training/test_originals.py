"""Beside the originals' own models, fitted here on the same rows: ours is no worse, paired on the held-out ones."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tests.bundles import portfolio, train_service
from towpath.bundle.read import read_bundle
from towpath.core.evaluation import Delta
from towpath.data.table import read_rows
from towpath.declare import auc, f1, r2, rmse
from towpath.engine.engine import open_engine
from towpath.training.leakage import seen_in_training
from towpath.training.learn import to_records
from towpath.training.metrics import Predicted, predicted, value_of
from towpath.training.paired import deltas
from towpath.training.split import split_rows
from towpath.wiring import Project

pytestmark = pytest.mark.data

ROWS = 38_804
TEST_ROWS = 7_761


@pytest.fixture
def project(real_data: Path, tmp_path: Path) -> Project:
    return portfolio(tmp_path / "state")


@pytest.fixture(scope="module")
def telecom(bundles: dict[str, Path]) -> dict[str, Delta]:
    """Telecom against median imputer, scaler and 200 boosted stumps of depth 2, which decide at a half."""
    project = portfolio(bundles["telecom"].parents[2])
    service = project.service("telecom")
    rows = read_rows(service, project.objects, project.data_folders(), seed=42)
    learn, test = split_rows(service.split, rows.targets)
    unseen = rows.features.iloc[test]
    model = GradientBoostingClassifier(n_estimators=200, max_depth=2, learning_rate=0.05, random_state=42)
    pipeline = make_pipeline(SimpleImputer(strategy="median"), StandardScaler(), model)
    theirs = pipeline.fit(rows.features.iloc[learn], rows.targets[learn]).predict_proba(unseen)[:, 1:]
    engine = open_engine(read_bundle(bundles["telecom"]))
    ours = engine.scores(to_records(engine, service, unseen))

    def seen(scores: np.ndarray, threshold: float) -> Predicted:
        return predicted(service.target.task, rows.targets[test], scores, threshold)

    found = deltas([auc(), f1("ultra")], seen(ours, engine.settings.threshold), seen(theirs, 0.5), seed=42)
    return {name: delta for name, delta in found.items() if delta}


def test_the_originals_telecom_model_gives_its_own_numbers_again(real_data: Path, telecom: dict[str, Delta]):
    assert [round(telecom[name].other, 5) for name in telecom] == [0.84024, 0.6183]


@pytest.mark.parametrize("metric", ["auc", "f1(ultra)"])
def test_telecom_is_not_worse_than_its_original_on_the_same_rows(
    real_data: Path, telecom: dict[str, Delta], metric: str
):
    found = telecom[metric] if metric in telecom else telecom[metric.partition("(")[0]]

    assert found.delta > 0
    assert found.low > -0.01


def test_carvision_learns_from_the_rows_that_its_original_kept_and_is_measured_on_the_same(project: Project):
    result = train_service(project, "carvision")

    assert (result.data.read, result.data.rows, len(result.test)) == (51_525, ROWS, TEST_ROWS)
    assert [one.drops for one in result.data.filters] == [1_560, 4_054, 8_102]


def test_carvision_keeps_its_promise_on_the_offers_that_were_not_put_up_twice(
    bundles: dict[str, Path], real_data: Path
):
    """A fifth of the original's test rows are offers that also stand in its training rows; they flatter both models."""
    project = portfolio(bundles["carvision"].parents[2])
    service = project.service("carvision")
    rows = read_rows(service, project.objects, project.data_folders(), seed=42)
    learn, test = split_rows(service.split, rows.targets)
    new = test[~seen_in_training(rows, learn, test)]
    engine = open_engine(read_bundle(bundles["carvision"]))
    scores = engine.scores(to_records(engine, service, rows.features.iloc[new]))
    told = predicted(service.target.task, rows.targets[new], scores, 0.5)

    assert len(new) == 6_130
    assert value_of(r2(), told) >= 0.812
    assert value_of(rmse(), told) <= 4_300
