"""Records become rows: numbers as they are, categories as their position, missing as NaN."""

import math
from typing import Any

import msgspec
import pytest

from towpath.core.contract import Contract, Field, Task, record_type
from towpath.core.derive import FirstWord, Position, Ratio
from towpath.core.plan import UNSEEN, Column, Encode
from towpath.core.style import Style
from towpath.engine.encode import Encoder


def encoded(fields: tuple[Field, ...], columns: tuple[Column, ...], **record: Any) -> list[float]:
    contract = Contract("s", fields, Task("regression", "y"), (), Style())
    return Encoder(Encode(columns)).row(msgspec.convert(record, record_type(contract)))


AGE, ACTIVE = Field("Age", "integer", nullable=True), Field("Active", "boolean")
COUNTRY = Field("Country", "string", nullable=True)
SIZES = Field("Sizes", "vector", names=("length", "width"))
COUNTRIES = Column("Country", "Country", categories=("France", "Spain"))


def test_numbers_and_booleans_stay_what_they_are():
    assert encoded((AGE, ACTIVE), (Column("Age", "Age"), Column("Active", "Active")), Age=40, Active=True) == [
        40.0,
        1.0,
    ]


@pytest.mark.parametrize(("country", "code"), [("France", 0.0), ("Spain", 1.0), ("Italy", UNSEEN)])
def test_a_category_becomes_its_position_and_an_unseen_one_minus_one(country: str, code: float):
    assert encoded((COUNTRY,), (COUNTRIES,), Country=country) == [code]


def test_what_is_missing_becomes_nan_in_either_kind():
    row = encoded((AGE, COUNTRY), (Column("Age", "Age"), COUNTRIES), Age=None, Country=None)

    assert all(map(math.isnan, row))


def test_a_vector_is_spread_over_its_positions_alone_and_beside_others():
    positions = (Column("length", "Sizes", 0), Column("width", "Sizes", 1))

    assert encoded((SIZES,), positions, Sizes=[1.5, 2]) == [1.5, 2.0]
    assert encoded((AGE, SIZES), (Column("Age", "Age"), *positions), Age=3, Sizes=[1.5, 2]) == [3.0, 1.5, 2.0]


BRAND = Column("brand", categories=("bmw", "ford"), derive=FirstWord("Model"))


@pytest.mark.parametrize(
    ("model", "code"), [("ford f-150", 1.0), ("kia rio", UNSEEN), ("  ", math.nan), (None, math.nan)]
)
def test_a_derived_category_is_coded_as_a_fields_own(model: str | None, code: float):
    [found] = encoded((Field("Model", "string", nullable=True),), (BRAND,), Model=model)

    assert found == code or (math.isnan(found) and math.isnan(code))


def test_derived_numbers_stand_beside_plain_ones_and_positions_of_vectors():
    columns = (
        Column("Age", "Age"),
        Column("ratio", derive=Ratio(Position("width", "Sizes", 1), "Age")),
        Column("length", "Sizes", 0),
    )

    assert encoded((AGE, SIZES), columns, Age=2, Sizes=[1.5, 3]) == [2.0, 1.5, 1.5]
    assert math.isnan(encoded((AGE, SIZES), columns, Age=0, Sizes=[1.5, 3])[1])


def test_what_the_model_does_not_look_at_is_not_worked_out():
    columns = (Column("Country", "Country", unused=True), Column("Age", "Age"))
    derived = (*columns, Column("made", derive=Ratio("Age", "Age"), unused=True))

    assert [math.isnan(value) for value in encoded((AGE, COUNTRY), columns, Age=3, Country="Spain")] == [True, False]
    assert [math.isnan(value) for value in encoded((AGE, COUNTRY), derived, Age=3, Country="Spain")] == [
        True,
        False,
        True,
    ]
