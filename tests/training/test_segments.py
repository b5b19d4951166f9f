"""The worst segments are found, of every field that may be told."""

import numpy as np
import pandas as pd
import pytest

from towpath.cli.found import details
from towpath.core.contract import Field, Task
from towpath.core.evaluation import Evaluation, ParityResult, Segment, Segments
from towpath.training.metrics import predicted
from towpath.training.segments import measure_segments

NUMBER = Task("regression", "price")
TWO = Task("binary", "y", ("no", "yes"))
FIELDS = (Field("condition", "string"), Field("year", "integer"), Field("id", "integer", role="id"),
          Field("name", "string", role="private"), Field("drive", "string", role="context"))  # fmt: skip


@pytest.fixture
def cars() -> pd.DataFrame:
    random = np.random.default_rng(1)
    rows = 400
    return pd.DataFrame(
        {
            "condition": random.choice(["good", "salvage"], rows, p=[0.8, 0.2]),
            "year": random.integers(2000, 2020, rows).astype(float),
            "id": np.arange(rows),
            "name": random.choice(["ann", "bob"], rows),
            "drive": random.choice(["4wd", "rwd"], rows),
        }
    )


@pytest.mark.feature("F240")
def test_the_group_that_errs_most_comes_first(cars: pd.DataFrame):
    truth = np.full(400, 100.0)
    off = np.where(cars["condition"] == "salvage", 40.0, 5.0) + np.random.default_rng(2).normal(0, 1, 400)
    found = measure_segments(FIELDS, predicted(NUMBER, truth, (truth + off)[:, None], 0.5), cars)

    worst = found.worst[0]
    assert (found.error, worst.field, worst.group) == ("mae", "condition", "salvage")
    assert worst.error == pytest.approx(np.abs(off[cars["condition"] == "salvage"]).mean())
    assert found.overall == pytest.approx(np.abs(off).mean())
    assert worst.low > found.overall
    assert worst.above and found.above[0] == worst


def test_of_classes_it_is_the_share_of_wrong_decisions(cars: pd.DataFrame):
    truth = (cars["condition"] == "salvage").to_numpy().astype(int)
    found = measure_segments(FIELDS, predicted(TWO, truth, np.zeros((400, 1)), 0.5), cars)

    assert (found.error, found.worst[0].group, found.worst[0].error) == ("error_rate", "salvage", 1.0)


def test_ids_and_private_fields_are_not_told(cars: pd.DataFrame):
    found = measure_segments(FIELDS, predicted(NUMBER, np.zeros(400), np.ones((400, 1)), 0.5), cars)

    assert {one.field for one in found.worst} <= {"condition", "year", "drive"}
    assert found.looked_at == 2 + 4 + 2


def test_groups_below_thirty_rows_are_not_looked_at(cars: pd.DataFrame):
    cars.loc[:10, "condition"] = "new"
    found = measure_segments(FIELDS[:1], predicted(NUMBER, np.zeros(400), np.ones((400, 1)), 0.5), cars)

    assert "new" not in {one.group for one in found.worst}


def test_where_no_group_surely_errs_more_none_is_said_to(cars: pd.DataFrame):
    truth = np.full(400, 100.0)
    off = np.random.default_rng(5).normal(0, 1, 400)
    found = measure_segments(FIELDS[:1], predicted(NUMBER, truth, (truth + off)[:, None], 0.5), cars)
    parity = ParityResult(1, 0.0, 1e-9, 0)

    assert [one.above for one in found.worst] == [False, False]
    (line,) = details(Evaluation(400, (), parity, segments=found))
    assert line == ("errs most", "no group of 2 surely more than all rows do")


def test_the_line_for_people_names_the_group_that_surely_errs_more():
    segments = Segments(
        "mae", 5.0, 2, (Segment("a", "x", 40, 9.0, 7.0, 11.0, True), Segment("a", "y", 40, 5.0, 4.0, 6.0))
    )
    (line,) = details(Evaluation(80, (), ParityResult(1, 0.0, 1e-9, 0), segments=segments))

    assert line == ("errs most", "a x: mae 9.0000 [7.0000, 11.0000] on 40 rows, 5.0000 on all")
