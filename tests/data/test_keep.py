"""Rows are kept by limits that the declaration states; every result says how many and by which."""

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import pytest

from towpath.core.errors import Faulty
from towpath.core.formats import digest
from towpath.data.objects import ObjectStore
from towpath.data.table import LabelledRows, read_rows
from towpath.declare import Meta, Record, Service, csv, r2, random, regression, value
from towpath.declare.check import faults_of
from towpath.training.train import train


class Car(Record):
    odometer: Annotated[float, Meta(ge=0)]


CARS = pd.DataFrame({"odometer": np.arange(400.0), "price": 1000.0 * np.arange(400), "city": ["Bath"] * 400})


def cars(rows: int, seed: int) -> pd.DataFrame:
    return CARS.iloc[:rows]


def service(name: str = "cars.csv", sha256: str = "0" * 64, **keep: Meta) -> Service:
    made = Service(
        "cars",
        record=Car,
        target=regression("price"),
        data=csv(name, sha256=sha256, keep=keep, generator=cars, rows=400),
        split=random(test=0.2),
        answer={"price": value()},
        metrics=[r2()],
    )

    @made.build
    def build(columns: Any) -> Any:
        from sklearn.linear_model import LinearRegression

        return LinearRegression()

    return made


def rows_of(folder: Path, frame: pd.DataFrame = CARS, **keep: Meta) -> LabelledRows:
    content = frame.to_csv(index=False).encode()
    (folder / "cars.csv").write_bytes(content)
    return read_rows(service(sha256=digest(content), **keep), ObjectStore(folder / "objects"), [folder], seed=1)


@pytest.mark.feature("F258")
def test_only_rows_within_every_limit_are_kept(tmp_path: Path):
    rows = rows_of(tmp_path, price=Meta(gt=10_000, lt=300_000), odometer=Meta(ge=20, le=220))

    assert rows.features["odometer"].tolist() == list(range(20, 221))
    assert rows.targets.tolist() == [1000.0 * i for i in range(20, 221)]


def test_a_limit_says_by_its_word_whether_it_is_kept_itself(tmp_path: Path):
    inside = rows_of(tmp_path, odometer=Meta(ge=20, le=220))
    between = rows_of(tmp_path, odometer=Meta(gt=20, lt=220))

    assert (len(inside), len(between)) == (201, 199)


def test_a_row_without_the_value_is_not_kept(tmp_path: Path):
    some = CARS.assign(odometer=CARS["odometer"].mask(CARS["odometer"] < 5))

    assert len(rows_of(tmp_path, some, odometer=Meta(lt=500_000))) == 395


def test_each_filter_tells_how_many_rows_it_drops_and_a_row_may_fail_several(tmp_path: Path):
    rows = rows_of(tmp_path, price=Meta(gt=10_000), odometer=Meta(ge=20))

    assert (len(rows), rows.read) == (380, 400)
    assert [(one.keeps, one.drops) for one in rows.filters] == [
        ("price over 10,000", 11),
        ("odometer from 20", 20),
    ]


def test_generated_rows_are_kept_by_the_same_limits(tmp_path: Path):
    rows = read_rows(service(odometer=Meta(ge=100)), ObjectStore(tmp_path), [], seed=1)

    assert (rows.origin, len(rows), rows.read) == ("generated", 300, 400)


@pytest.mark.parametrize(
    ("column", "says"), [("colour", "is not a column of the data"), ("city", "is no column of numbers")]
)
def test_a_column_that_has_no_numbers_cannot_filter(tmp_path: Path, column: str, says: str):
    with pytest.raises(Faulty) as refused:
        rows_of(tmp_path, **{column: Meta(gt=1)})

    assert refused.value.faults[0][0] == column
    assert says in refused.value.faults[0][1]


@pytest.mark.parametrize("limits", [Meta(), Meta(pattern="x"), Meta(gt=1, multiple_of=2)])
def test_a_filter_that_says_other_than_limits_is_a_fault_of_the_declaration(limits: Meta):
    assert [path for path, _ in faults_of(service(price=limits))] == ["data.keep.price"]


def test_lineage_and_card_tell_of_the_rows_that_were_dropped(tmp_path: Path):
    rows = rows_of(tmp_path, price=Meta(gt=10_000, lt=150_000))
    made = train(service(), rows, seed=1, say=lambda line: None)

    assert (made.data.rows, made.data.read) == (139, 400)
    card = made.files["card.md"].decode()
    assert "139 of 400 real rows" in card
    assert "kept: price over 10,000 and under 150,000; 261 rows are not" in card


def test_without_filters_the_lineage_says_nothing_of_them(tmp_path: Path):
    made = train(service(), rows_of(tmp_path), seed=1, say=lambda line: None)

    assert b"filters" not in made.files["data.json"]
    assert b"read" not in made.files["data.json"]
