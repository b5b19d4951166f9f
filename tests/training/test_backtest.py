"""A backtest learns from earlier rows alone, and no row is on both sides."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.training import small
from towpath.core.errors import UsageError
from towpath.data.table import LabelledRows
from towpath.declare import by
from towpath.declare.service import Service
from towpath.training import backtest
from towpath.training.backtest import latest, origins, run_backtest


@pytest.fixture
def service(tmp_path: Path) -> Service:
    return small.make_project(tmp_path).service("loans")


@pytest.fixture
def rows() -> LabelledRows:
    frame = small.loans(400)
    features = frame.drop(columns="late").astype({"amount": float, "months": float, "income": float})
    return LabelledRows(features, pd.DataFrame(index=frame.index), frame["late"].to_numpy(np.int64), "real", ())


@pytest.mark.feature("F240")
def test_it_is_fitted_on_the_earlier_rows_and_measured_on_the_later_ones(
    service: Service, rows: LabelledRows, monkeypatch: pytest.MonkeyPatch
):
    learnt, real = [], backtest.fit
    monkeypatch.setattr(backtest, "fit", lambda *given, **how: learnt.append(given[1]) or real(*given, **how))

    found = run_backtest(service, by("months", last=0.2), rows, 0.5, seed=1)

    months = rows.features["months"]
    assert len(learnt) == 1
    assert set(learnt[0].index) == set(np.flatnonzero(months < found.cut))
    assert (found.train_rows, found.test_rows) == ((months < found.cut).sum(), (months >= found.cut).sum())
    assert found.train_to < found.cut
    assert found.test_rows / (found.train_rows + found.test_rows) == pytest.approx(0.2, abs=0.02)
    assert {metric.name for metric in found.metrics} == {"auc", "f1"}
    assert all(metric.rows == found.test_rows for metric in found.metrics)


def test_rows_of_unknown_time_are_on_neither_side(service: Service, rows: LabelledRows):
    found = run_backtest(service, by("months"), rows, 0.5, seed=1)

    assert found.train_rows + found.test_rows == rows.features["months"].notna().sum() < len(rows)


def test_rows_of_one_moment_stay_together():
    moments = np.array([1, 1, 1, 2, 2, 3, 3, 3, 3, 3], dtype=float)

    assert latest(moments, 0.2) == 3
    assert latest(moments, 0.7) == 2


@pytest.mark.feature("F241")
def test_rolling_origins_learn_from_all_before_and_answer_for_the_part_after():
    moments = np.random.default_rng(1).integers(0, 50, 300).astype(float)
    found = list(origins(moments, 5))

    assert len(found) == 5
    for learn, test in found:
        assert moments[learn].max() < moments[test].min()
    answered = np.concatenate([test for _, test in found])
    assert len(set(answered)) == len(answered)
    assert all(set(early) < set(late) for (early, _), (late, _) in pairwise(found))


@pytest.mark.feature("F241")
def test_each_origin_gives_a_value_of_each_metric(service: Service, rows: LabelledRows):
    found = run_backtest(service, by("months", origins=3), rows, 0.5, seed=1)

    assert {spread.name: len(spread.folds) for spread in found.origins} == {"auc": 3, "f1": 3}
    assert found.origins[0].mean == pytest.approx(np.mean(found.origins[0].folds))


def test_too_few_rows_on_a_side_are_refused(service: Service, rows: LabelledRows):
    with pytest.raises(UsageError, match="each side needs 30"):
        run_backtest(service, by("months", last=0.01), rows, 0.5, seed=1)


def test_earlier_rows_without_a_class_are_refused(service: Service, rows: LabelledRows):
    rows = replace(rows, targets=(rows.features["months"] > 80).to_numpy(np.int64))

    with pytest.raises(UsageError, match="hold no late"):
        run_backtest(service, by("months", last=0.4), rows, 0.5, seed=1)


def test_a_field_that_the_data_does_not_have_is_told(service: Service, rows: LabelledRows):
    with pytest.raises(UsageError, match="no column year"):
        run_backtest(service, by("year"), rows, 0.5, seed=1)
