"""Test rows that also stand among the training rows are counted and warned of; nothing is refused."""

import numpy as np
import pandas as pd
import pytest

from tests.data.months import month, service
from towpath.core.quality import DataQuality
from towpath.data.table import LabelledRows
from towpath.training.leakage import seen_in_training
from towpath.training.train import prepare


def rows(frame: pd.DataFrame) -> LabelledRows:
    features = frame[["Age", "Balance"]].astype(float)
    return LabelledRows(features, frame[["CustomerId"]], frame["Exited"].to_numpy(np.int64), "real", ())


def quality(frame: pd.DataFrame) -> DataQuality:
    return prepare(service(), rows(frame)).rows.quality


def test_rows_repeated_under_new_numbers_are_found_on_both_sides_of_the_split():
    again = pd.concat([month()] * 10, ignore_index=True).assign(CustomerId=range(1200))

    (warned,) = quality(again).warnings
    assert str(warned).startswith("Q18 test rows seen: 240 of 240 test rows (100.0%) also stand among the training")


def test_rows_that_come_once_pass():
    assert [(one.rule, one.verdict) for one in quality(month()).results] == [("Q18", "pass")]


@pytest.mark.parametrize("column", ["Age", "Balance", "Exited"])
def test_a_row_of_another_value_or_another_target_is_another_row(column: str):
    frame = pd.DataFrame({"CustomerId": [1, 2], "Age": [30, 30], "Balance": [np.nan, np.nan], "Exited": [1, 1]})
    apart = frame.assign(**{column: [0, 1]})

    assert seen_in_training(rows(frame), np.array([0]), np.array([1])).all()
    assert not seen_in_training(rows(apart), np.array([0]), np.array([1])).any()
