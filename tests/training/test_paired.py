"""A paired difference takes the rows' own luck away, and its verdict is right as often as it says."""

import numpy as np
import pytest

from towpath.core.contract import Task
from towpath.declare import accuracy, auc, precision, rmse
from towpath.training.metrics import Predicted, measure, predicted
from towpath.training.paired import deltas

TWO = Task("binary", "y", ("no", "yes"))
NUMBER = Task("regression", "y")


def two_models(seed: int, better: float = 0.0) -> tuple[Predicted, Predicted]:
    random = np.random.default_rng(seed)
    truth = random.binomial(1, 0.4, 400)
    common = truth + random.normal(0, 0.6, 400)
    first = common + better * truth + random.normal(0, 0.1, 400)
    second = common + random.normal(0, 0.1, 400)
    return tuple(predicted(TWO, truth, one[:, None], 0.5) for one in (first, second))  # type: ignore[return-value]


def test_a_difference_is_that_of_the_two_values():
    ours, other = two_models(1, better=0.2)
    found = deltas([accuracy()], ours, other, seed=1)["accuracy"]

    assert found is not None
    assert found.other == pytest.approx((other.decisions == other.truth).mean())
    assert found.delta == pytest.approx((ours.decisions == ours.truth).mean() - found.other)
    assert found.low < found.delta < found.high


def test_pairing_narrows_the_interval_of_models_that_err_alike():
    ours, other = two_models(2)
    found, alone = deltas([auc()], ours, other, seed=1)["auc"], measure(auc(), ours, seed=1)

    assert found is not None
    assert alone is not None
    assert found.high - found.low < (alone.high - alone.low) / 2


def test_models_that_are_the_same_differ_by_nothing():
    ours, _ = two_models(3)
    found = deltas([auc()], ours, ours, seed=1)["auc"]

    assert found is not None
    assert (found.delta, found.low, found.high, found.p) == (0.0, 0.0, 0.0, 1.0)


def test_the_interval_of_no_difference_misses_zero_as_seldom_as_it_says():
    missed = 0
    for seed in range(60):
        found = deltas([accuracy()], *two_models(seed), seed=seed)["accuracy"]
        assert found is not None
        missed += not found.low <= 0 <= found.high

    assert missed <= 7  # 3 are due


def test_a_metric_that_one_model_has_no_number_for_has_no_difference():
    ours, other = two_models(4)
    silent = Predicted(TWO, other.truth, other.scores, np.zeros_like(other.truth))

    assert deltas([precision("yes")], ours, silent, seed=1) == {"precision": None}


def test_errors_of_regressions_are_paired_too():
    truth = np.arange(50.0)
    ours, other = (predicted(NUMBER, truth, (truth + off)[:, None], 0.5) for off in (1.0, 2.0))
    found = deltas([rmse()], ours, other, seed=1)["rmse"]

    assert found is not None
    assert (found.other, found.delta, found.p < 0.01) == (pytest.approx(2.0), pytest.approx(-1.0), True)
