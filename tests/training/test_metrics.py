"""Metrics are scikit-learn's to the last bits, weighted by resamples, with intervals that hold what they say."""

import numpy as np
import pytest
from sklearn import metrics as reference

from towpath.core import stats
from towpath.core.contract import Task
from towpath.core.measures import Measure
from towpath.declare import (
    accuracy,
    auc,
    average_precision,
    balanced_accuracy,
    brier,
    ece,
    f1,
    lift_at,
    log_loss,
    mae,
    mape,
    mcc,
    median_ae,
    precision,
    precision_at,
    r2,
    recall,
    rmse,
    specificity,
)
from towpath.declare import value_of as worth
from towpath.training.metrics import Predicted, measure, measure_all, predicted, value_of, values

MONEY = worth(tp=690, fp=-20, fn=-50, tn=1, unit="USD")

TWO = Task("binary", "y", ("no", "yes"))
THREE = Task("multiclass", "y", ("a", "b", "c"))
NUMBER = Task("regression", "y")


@pytest.fixture
def two() -> Predicted:
    random = np.random.default_rng(1)
    truth = random.binomial(1, 0.3, 500)
    scores = np.clip(np.round(0.3 + 0.2 * truth + random.normal(0, 0.2, 500), 2), 0, 1)  # rounded: there are ties
    return predicted(TWO, truth, scores[:, None], 0.45)


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        (auc(), lambda seen: reference.roc_auc_score(seen.truth, seen.scores[:, 0])),
        (accuracy(), lambda seen: reference.accuracy_score(seen.truth, seen.decisions)),
        (f1("yes"), lambda seen: reference.f1_score(seen.truth, seen.decisions)),
        (f1("no"), lambda seen: reference.f1_score(seen.truth, seen.decisions, pos_label=0)),
        (precision("yes"), lambda seen: reference.precision_score(seen.truth, seen.decisions)),
        (recall("yes"), lambda seen: reference.recall_score(seen.truth, seen.decisions)),
        (brier(), lambda seen: reference.brier_score_loss(seen.truth, seen.scores[:, 0])),
        (log_loss(), lambda seen: reference.log_loss(seen.truth, seen.scores[:, 0])),
        (average_precision(), lambda seen: reference.average_precision_score(seen.truth, seen.scores[:, 0])),
        (auc("no"), lambda seen: reference.roc_auc_score(1 - seen.truth, 1 - seen.scores[:, 0])),
        (balanced_accuracy(), lambda seen: reference.balanced_accuracy_score(seen.truth, seen.decisions)),
        (specificity("yes"), lambda seen: reference.recall_score(seen.truth, seen.decisions, pos_label=0)),
        (mcc("yes"), lambda seen: reference.matthews_corrcoef(seen.truth, seen.decisions)),
    ],
)
def test_metrics_of_two_classes_equal_scikit_learns(two: Predicted, metric: Measure, expected):
    assert value_of(metric, two) == pytest.approx(expected(two), abs=1e-12)


def test_metrics_of_three_classes_equal_scikit_learns():
    random = np.random.default_rng(2)
    truth = random.integers(0, 3, 200)
    scores = random.dirichlet([1, 1, 1], 200)
    seen = predicted(THREE, truth, scores, 0.5)

    assert value_of(accuracy(), seen) == pytest.approx(reference.accuracy_score(truth, scores.argmax(axis=1)))
    assert value_of(log_loss(), seen) == pytest.approx(reference.log_loss(truth, scores))
    assert value_of(recall("b"), seen) == pytest.approx(
        reference.recall_score(truth, scores.argmax(axis=1), average=None)[1]
    )


def test_a_class_of_several_is_ranked_against_the_rest():
    random = np.random.default_rng(2)
    truth, scores = random.integers(0, 3, 200), random.dirichlet([1, 1, 1], 200)
    seen = predicted(THREE, truth, scores, 0.5)

    assert value_of(auc("b"), seen) == pytest.approx(reference.roc_auc_score(truth == 1, scores[:, 1]))
    assert value_of(average_precision("c"), seen) == pytest.approx(
        reference.average_precision_score(truth == 2, scores[:, 2])
    )
    assert value_of(balanced_accuracy(), seen) == pytest.approx(
        reference.balanced_accuracy_score(truth, scores.argmax(axis=1))
    )


def test_metrics_of_a_value_equal_scikit_learns():
    random = np.random.default_rng(3)
    truth = random.normal(100, 20, 300)
    seen = predicted(NUMBER, truth, (truth + random.normal(0, 5, 300))[:, None], 0.5)

    assert value_of(r2(), seen) == pytest.approx(reference.r2_score(truth, seen.scores[:, 0]))
    assert value_of(rmse(), seen) == pytest.approx(reference.root_mean_squared_error(truth, seen.scores[:, 0]))
    assert value_of(mae(), seen) == pytest.approx(reference.mean_absolute_error(truth, seen.scores[:, 0]))
    assert value_of(mape(), seen) == pytest.approx(reference.mean_absolute_percentage_error(truth, seen.scores[:, 0]))
    assert value_of(median_ae(), seen) == pytest.approx(reference.median_absolute_error(truth, seen.scores[:, 0]))


def test_a_share_of_a_true_value_of_zero_is_not_defined():
    seen = predicted(NUMBER, np.array([0.0, 1.0, 2.0]), np.array([[1.0], [1.0], [2.0]]), 0.5)

    assert measure(mape(), seen, seed=1) is None


@pytest.mark.feature("F505")
def test_the_value_of_decisions_is_what_each_outcome_is_worth_on_average(two: Predicted):
    (tn, fp), (fn, tp) = reference.confusion_matrix(two.truth, two.decisions)
    found = measure(MONEY, two, seed=1)

    assert found is not None
    assert found.value == pytest.approx((690 * tp - 20 * fp - 50 * fn + tn) / 500)
    assert (found.name, found.unit) == ("value", "USD")


def test_the_best_tenth_is_counted_in_rows_whatever_ties_there_are():
    truth = np.array([1, 1, 0, 0] + [0, 1] * 8)
    scores = np.array([0.9, 0.9, 0.9, 0.9] + [0.1] * 16)[:, None]
    seen = predicted(TWO, truth, scores, 0.5)

    assert value_of(precision_at(0.1), seen) == pytest.approx(0.5)  # any two of the first four rows
    assert value_of(lift_at(0.1), seen) == pytest.approx(0.5 / 0.5)
    assert value_of(precision_at(0.2), seen) == pytest.approx(0.5)


def test_probabilities_that_come_true_have_no_calibration_error():
    said = np.repeat([0.15, 0.55, 0.95], 20)
    happened = np.concatenate([np.arange(20) < 20 * share for share in (0.15, 0.55, 0.95)]).astype(int)

    assert value_of(ece(), predicted(TWO, happened, said[:, None], 0.5)) == pytest.approx(0.0)
    assert value_of(ece(), predicted(TWO, 1 - happened, said[:, None], 0.5)) == pytest.approx((0.7 + 0.1 + 0.9) / 3)


def test_a_calibration_errors_interval_takes_off_what_resampling_adds():
    random = np.random.default_rng(3)
    said = random.random(400)
    seen = predicted(TWO, random.binomial(1, said), said[:, None], 0.5)  # the true probabilities, so 0 is due
    found = measure(ece(), seen, seed=1)
    low, _ = stats.bootstrap_interval(lambda weights: values(ece(), seen, weights), 400, seed=1)

    assert found is not None
    assert found.low < found.value < found.high
    assert found.low < low / 2


def test_metrics_measured_together_are_those_measured_alone(two: Predicted):
    together = measure_all([auc(), f1("yes"), MONEY], two, seed=9)

    assert together == {one.name: measure(one, two, seed=9) for one in (auc(), f1("yes"), MONEY)}


@pytest.mark.parametrize(
    "metric",
    [
        auc(), average_precision(), accuracy(), balanced_accuracy(), f1("yes"), precision("yes"), recall("yes"),
        specificity("yes"), mcc("yes"), lift_at(0.1), precision_at(0.25), brier(), log_loss(), ece(), MONEY,
    ],
    ids=lambda metric: metric.name,
)  # fmt: skip
def test_a_weight_counts_like_a_repeated_row(two: Predicted, metric: Measure):
    weights = np.random.default_rng(4).integers(0, 4, len(two)).astype(float)
    repeated = two.only(np.repeat(np.arange(len(two)), weights.astype(int)))

    assert values(metric, two, weights[None, :])[0] == pytest.approx(value_of(metric, repeated), abs=1e-12)


def test_the_f1_of_the_class_of_interest_is_not_the_weighted_one(two: Predicted):
    weighted = reference.f1_score(two.truth, two.decisions, average="weighted")

    assert abs(value_of(f1("yes"), two) - weighted) > 0.1


def test_an_interval_holds_the_value_and_is_the_same_every_time(two: Predicted):
    first, again = (measure(auc(), two, seed=42) for _ in range(2))

    assert first == again
    assert first.low < first.value < first.high
    assert first.rows == 500


def test_a_metric_that_is_not_defined_is_not_a_number():
    seen = predicted(TWO, np.zeros(40, dtype=int), np.full((40, 1), 0.1), 0.5)

    assert np.isnan(value_of(recall("yes"), seen))


def test_a_faultless_sample_does_not_promise_a_faultless_model():
    seen = predicted(TWO, np.array([0, 1] * 15), np.array([[0.1], [0.9]] * 15), 0.5)
    found = measure(accuracy(), seen, seed=1)

    assert (found.value, found.high) == pytest.approx((1.0, 1.0))
    assert found.low == pytest.approx(0.8865, abs=1e-4)


def test_resamples_draw_every_row_equally_often():
    drawn = np.concatenate(list(stats.resamples(50, seed=1, count=2_000)))

    assert drawn.shape == (2_000, 50)
    assert (drawn.sum(axis=1) == 50).all()
    assert np.abs(drawn.mean(axis=0) - 1).max() < 0.1


def test_a_bootstrap_interval_covers_the_truth_as_often_as_it_says():
    random = np.random.default_rng(5)
    covered = 0
    for trial in range(200):
        sample = random.normal(0, 1, 60)
        low, high = stats.bootstrap_interval(
            lambda weights, rows=sample: weights @ rows / weights.sum(axis=1), 60, seed=trial
        )
        covered += low <= 0 <= high

    assert 0.90 <= covered / 200 <= 0.98
