"""A prediction interval holds as many true values as it promises, on rows that nothing was learnt from."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import LinearRegression

from towpath.bundle.read import read_bundle
from towpath.core import manifest
from towpath.core.errors import UsageError
from towpath.core.plan import PredictionInterval
from towpath.data.table import LabelledRows
from towpath.declare import Record, Service, csv, interval, r2, random, regression, value
from towpath.training import intervals
from towpath.training.train import Trained, train


class Sale(Record):
    size: float


def sales(rows: int, *, growing: bool, seed: int = 5) -> LabelledRows:
    """Prices of 1,000 and more; their errors are everywhere alike, or grow with the price."""
    random = np.random.default_rng(seed)
    size = random.uniform(1, 10, rows)
    error = random.lognormal(0, 0.3, rows) if growing else 1.0
    prices = 1000 * size * error if growing else 1000 * size + random.normal(0, 300, rows)
    return LabelledRows(pd.DataFrame({"size": size}), pd.DataFrame(index=range(rows)), prices, "real", ())


def trained(rows: LabelledRows, *answers: Any, estimator: Any = None) -> Trained:
    service = Service(
        "sales",
        record=Sale,
        target=regression("price"),
        data=csv("sales.csv", sha256="0" * 64),
        split=random(test=0.4),
        answer={"price": value(), **{f"range{i}": one for i, one in enumerate(answers)}},
        metrics=[r2()],
    )
    service.build(lambda columns: estimator or LinearRegression())
    return train(service, rows, seed=1, say=lambda line: None)


@pytest.mark.parametrize("growing", [False, True])
@pytest.mark.parametrize("level", [0.5, 0.9])
def test_it_covers_what_it_promises_on_rows_nothing_was_learnt_from(growing: bool, level: float):
    (covered,) = trained(sales(3000, growing=growing), interval(level)).evaluation.intervals

    assert covered.level == level
    assert covered.low <= level <= covered.high
    assert covered.rows == 1200


def test_an_estimator_that_fits_its_own_training_rows_by_heart_covers_as_well():
    overfitted = HistGradientBoostingRegressor(max_iter=60, max_leaf_nodes=63, min_samples_leaf=2, learning_rate=0.5)
    (covered,) = trained(sales(2000, growing=False), interval(0.9), estimator=overfitted).evaluation.intervals

    assert covered.low <= 0.9 <= covered.high


def test_errors_that_grow_with_the_value_make_an_interval_of_ratios():
    truth = np.random.default_rng(1).lognormal(8, 1, 2000)
    guess = truth * np.random.default_rng(2).lognormal(0, 0.2, 2000)

    assert intervals.calibrate(0.9, truth, guess).space == "ratio"
    assert intervals.calibrate(0.9, truth, truth + 1).space == "value"


def test_values_on_both_sides_of_zero_have_no_ratios():
    truth = np.array([-1.0, 2.0, 3.0] * 40)

    assert intervals.calibrate(0.5, truth, truth * 1.1).space == "value"


@given(st.integers(19, 200), st.sampled_from([0.5, 0.8, 0.9]))
def test_of_rows_that_are_alike_at_least_the_promised_share_lies_within(rows: int, level: float):
    errors = np.arange(rows, dtype=float)

    found = intervals.calibrate(level, errors, np.zeros(rows))

    outside = (errors < found.low).sum() + (errors > found.high).sum()
    assert outside <= (1 - level) * (rows + 1)


def test_the_finite_number_of_rows_is_corrected_for():
    nineteen = np.arange(1.0, 20.0)

    found = intervals.calibrate(0.9, nineteen, np.zeros(19))

    assert (found.low, found.high) == (1.0, 19.0)


def test_too_few_rows_for_a_level_are_refused_with_the_number_that_is_needed():
    with pytest.raises(UsageError, match=r"an interval of level 0\.9 needs 19 training rows, there are 18"):
        intervals.calibrate(0.9, np.arange(18.0), np.zeros(18))


@pytest.mark.parametrize(
    ("kind", "value", "ends"),
    [
        (PredictionInterval(0.9, "value", -5.0, 7.0), 100.0, (95.0, 107.0)),
        (PredictionInterval(0.9, "ratio", 0.5, 2.0), 100.0, (50.0, 200.0)),
        (PredictionInterval(0.9, "ratio", 0.5, 2.0), -100.0, (-200.0, -50.0)),
    ],
)
def test_its_lower_end_comes_first(kind: PredictionInterval, value: float, ends: tuple[float, float]):
    low, high = intervals.ends(kind, np.array([value]))

    assert kind.around(value) == ends == (low[0], high[0])


def test_two_levels_lie_one_within_the_other_and_the_plan_holds_both():
    made = trained(sales(400, growing=False), interval(0.5), interval(0.9))
    plan = made.files[manifest.PLAN].decode()

    narrow, wide = made.evaluation.intervals
    assert (narrow.level, wide.level) == (0.5, 0.9)
    assert narrow.width < wide.width
    assert plan.count('"level"') == 2


def test_a_regression_that_does_not_ask_pays_for_none():
    made = trained(sales(200, growing=False))

    assert made.evaluation.intervals == ()
    assert b"intervals" not in made.files[manifest.PLAN]


def test_the_card_tells_what_was_promised_and_what_was_held():
    made = trained(sales(400, growing=False), interval(0.9))
    (covered,) = made.evaluation.intervals

    told = f"promised to hold 90.0%: held {covered.covered:.1%} of 160 held-out rows"
    assert told in made.files[manifest.CARD].decode()


def test_a_packed_bundle_has_what_a_worker_needs(bundles):
    plan = read_bundle(bundles["carvision"]).plan

    (kept,) = plan.steps[-1].intervals
    assert (kept.level, kept.space) == (0.9, "ratio")
    assert 0 < kept.low < 1 < kept.high
