"""What an evaluation holds: what was decided, how well what is said comes true, and nothing that a machine decides."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline

from tests.training import small
from tests.training.test_declarations import frame
from tests.training.test_declarations import service as declared
from towpath.bundle.read import read_bundle
from towpath.core.contract import Task
from towpath.core.errors import VerificationRefused
from towpath.core.evaluation import Evaluation
from towpath.core.settings import Settings
from towpath.declare import regression, rmse, value
from towpath.engine.contributions import Contribution
from towpath.engine.engine import build_engine
from towpath.training.candidate import read_evaluation
from towpath.training.compiled import compile_plan
from towpath.training.evaluate import additivity, bound, calibration, confusion, cross_validation
from towpath.training.fit import fit
from towpath.training.metrics import predicted, settle

TWO = Task("binary", "y", ("no", "yes"))
THREE = Task("multiclass", "y", ("a", "b", "c"))
NUMBER = Task("regression", "y")


@pytest.fixture(scope="module")
def evaluation(tmp_path_factory: pytest.TempPathFactory) -> Evaluation:
    project = small.make_project(tmp_path_factory.mktemp("bank"))
    small.edit(project, "gates=[", 'fairness=["purpose"],\n    gates=[fair("purpose", max_gap=0.9, min_impact=0.01), ')
    return read_evaluation(small.trained(project).path)


def test_decisions_are_counted_by_what_is_true_and_by_what_was_said():
    seen = predicted(TWO, np.array([0, 0, 0, 1, 1]), np.array([[0.1], [0.6], [0.2], [0.7], [0.3]]), 0.5)

    assert confusion(seen) == ((2, 1), (1, 1))


def test_a_class_that_never_occurs_has_its_row_of_zeros():
    seen = predicted(THREE, np.array([0, 2]), np.eye(3)[[0, 1]], 0.5)

    assert confusion(seen) == ((1, 0, 0), (0, 0, 0), (0, 1, 0))


def test_a_regression_has_neither_decisions_nor_calibration():
    seen = predicted(NUMBER, np.arange(5.0), np.arange(5.0)[:, None], 0.5)

    assert (confusion(seen), calibration(seen)) == ((), ())


def test_calibration_takes_rows_in_tenths_by_what_was_said():
    said = np.linspace(0, 1, 1000)
    happened = np.random.default_rng(1).binomial(1, said)
    found = calibration(predicted(TWO, happened, said[:, None], 0.5))

    assert [one.rows for one in found] == [100] * 10
    assert found[0].said == pytest.approx(said[:100].mean())
    assert found[9].happened == pytest.approx(happened[900:].mean())
    assert sum(one.low <= one.said <= one.high for one in found) >= 8


def test_rows_of_one_probability_are_in_one_part():
    found = calibration(predicted(TWO, np.array([0, 1] * 50), np.full((100, 1), 0.5), 0.5))

    assert [(one.rows, one.said, one.happened) for one in found] == [(100, 0.5, 0.5)]


def test_of_several_classes_it_is_the_likeliest_whose_truth_is_counted():
    scores = np.array([[0.6, 0.3, 0.1], [0.2, 0.7, 0.1]] * 10)
    found = calibration(predicted(THREE, np.array([0, 2] * 10), scores, 0.5))

    assert [(one.said, one.happened) for one in found] == [(0.6, 1.0), (0.7, 0.0)]


@pytest.mark.feature("F237")
def test_each_metric_has_its_mean_and_deviation_over_five_folds_of_the_training_rows(evaluation: Evaluation):
    assert {spread.name for spread in evaluation.cross_validation} == {"auc", "f1"}
    for spread in evaluation.cross_validation:
        assert len(spread.folds) == 5
        assert spread.mean == pytest.approx(np.mean(spread.folds))
        assert spread.sd == pytest.approx(np.std(spread.folds))


def test_without_cross_validated_scores_there_is_no_spread(tmp_path: Path):
    service = small.make_project(tmp_path).service("loans")

    assert cross_validation(service, np.array([0, 1]), np.empty((0, 0)), Settings(), seed=1) == ()
    assert cross_validation(service, np.array([0, 1]), None, Settings(), seed=1) == ()


@pytest.mark.scenario("S117")
@pytest.mark.feature("F502", "F503")
def test_groups_of_a_sensitive_field_are_measured_side_by_side_and_gated(evaluation: Evaluation):
    (found,) = evaluation.fairness

    assert (found.field, {one.group for one in found.groups} | set(found.small)) == (
        "purpose",
        {"car", "house", "other"},
    )
    assert evaluation.gates[0].gate == "fair by purpose: recall within 0.9 and impact >= 0.01"


def test_the_definitions_of_its_metrics_are_kept_with_them(evaluation: Evaluation):
    assert [measure.name for measure in evaluation.measures] == [metric.name for metric in evaluation.metrics]


def test_the_last_bits_which_are_the_machines_are_not_kept():
    assert settle(0.1 + 0.2) == 0.3
    assert settle(123456.78901234) == 123456.789
    assert bound(2.2e-16) == 1e-15


@pytest.mark.scenario("S117")
def test_the_churn_service_is_measured_by_gender_and_geography(bundles: dict[str, Path]):
    found = {one.field: one for one in read_bundle(bundles["bankchurn"]).evaluation().fairness}

    assert {group.group for group in found["Geography"].groups} == {"France", "Germany", "Spain"}
    assert all(one.impact and one.gap and not one.small for one in found.values())


@pytest.mark.feature("F240")
def test_the_price_of_cars_is_measured_on_later_years_and_by_segment(bundles: dict[str, Path]):
    evaluation = read_bundle(bundles["carvision"]).evaluation()

    assert evaluation.backtest is not None
    assert evaluation.backtest.train_to < evaluation.backtest.cut
    assert {metric.name for metric in evaluation.backtest.metrics} == {"r2", "rmse", "mae", "mape"}
    assert evaluation.segments is not None
    assert all(one.rows >= 30 for one in evaluation.segments.worst)


def test_contributions_that_overflow_are_told_as_such():
    made = declared(target=regression("price"), answer={"price": value()}, metrics=[rmse()], threshold=0.5)
    made.build(lambda columns: make_pipeline(columns.encode(numbers="impute"), Ridge()))
    known = frame()[made.columns.names]
    compiled = compile_plan(made, fit(made, known, known["real"].to_numpy(), seed=1), known)
    engine = build_engine(made.contract(), compiled.plan, Settings(0.5), compiled.files)

    with pytest.raises(VerificationRefused, match="contributions or scores overflow") as refusal:
        additivity(engine, np.array([[1.0]]), [Contribution((0.0,), ({"real": 1e308, "whole": 1e308},))])

    assert "numbers around 1e308 overflow" in refusal.value.hint
