"""Derived columns: every function answers for whatever a record holds, with a value or with none."""

import math
import operator
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from towpath.core.derive import (
    Add,
    Bins,
    Clip,
    Contains,
    DatePart,
    Derive,
    Elapsed,
    FirstWord,
    IsMissing,
    Length,
    Log,
    Lookup,
    Lower,
    Part,
    Position,
    Product,
    Ratio,
    Strip,
    Subtract,
    sources,
)
from towpath.core.deriver import Deriver
from towpath.core.plan import Column

NUMBERS = st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False), st.integers(-(2**60), 2**60))
TEXTS = st.one_of(st.none(), st.text())


def derived(one: Derive, *values: Any) -> Any:
    return Deriver([one])(values)[0]


@pytest.mark.parametrize(
    ("one", "values", "result"),
    [
        (Add("a", "b"), (1.5, 2), 3.5),
        (Subtract(2019.0, "a"), (2012,), 7.0),
        (Product("a", 3.0), (2.0,), 6.0),
        (Ratio("a", "b"), (1.0, 4.0), 0.25),
        (Log("a"), (math.e,), 1.0),
        (Log("a", 1), (0.0,), 0.0),
        (Clip("a", 0.0, 10.0), (11.0,), 10.0),
        (Clip("a", 0.0), (-1.0,), 0.0),
        (Bins("a", (18.0, 65.0), ("young", "adult", "old")), (18.0,), "adult"),
        (Lower("a"), ("STRASSE Ä",), "strasse ä"),
        (Strip("a"), ("  two words \n",), "two words"),
        (FirstWord("a"), ("\tford f-150",), "ford"),
        (Contains("a", "150"), ("ford f-150",), 1.0),
        (Contains("a", "Ford"), ("ford f-150",), 0.0),
        (Length("a"), ("häß",), 3.0),
        (Lookup("a", (("gas", 1.0), ("diesel", 2.0))), ("diesel",), 2.0),
        (Lookup("a", ((4.0, "four"),), "other"), (5.0,), "other"),
        (Lookup("a", ((1.0, "yes"),)), (True,), "yes"),
        (IsMissing("a"), (None,), 1.0),
        (IsMissing("a"), (0.0,), 0.0),
        (Elapsed("a", "2019-04-19", "days"), ("2019-04-18",), 1.0),
        (Elapsed("a", "2019-04-19", "days"), ("2019-04-19T12:00:00",), -0.5),
        (Elapsed("a", "2019-01-01T00:00:00Z", "days"), ("2019-01-01T02:00:00+02:00",), 0.0),
    ],
)
def test_each_function_gives_its_value(one: Derive, values: tuple[Any, ...], result: Any) -> None:
    assert derived(one, *values) == result


@pytest.mark.parametrize(
    ("part", "number"),
    [("year", 2018), ("quarter", 4), ("month", 12), ("week", 1), ("day", 31), ("day_of_year", 365), ("weekday", 1)],
)
def test_each_part_of_a_date_is_a_number(part: Part, number: float) -> None:
    assert derived(DatePart("a", part), "2018-12-31") == number


@pytest.mark.parametrize(
    ("one", "values"),
    [
        (Ratio("a", "b"), (1.0, 0.0)),
        (Ratio("a", "b"), (1.0, 5e-324)),
        (Product("a", "b"), (1e200, 1e200)),
        (Add("a", "b"), (1.7e308, 1.7e308)),
        (Log("a"), (0.0,)),
        (Log("a"), (-1.0,)),
        (Log("a", 1), (-1.0,)),
        (FirstWord("a"), ("  ",)),
        (DatePart("a", "year"), ("yesterday",)),
        (DatePart("a", "year"), ("2018-02-30",)),
        (Elapsed("a", "2019-04-19"), ("",)),
        (Lookup("a", (("gas", 1.0),)), ("coal",)),
    ],
)
def test_what_has_no_answer_is_missing(one: Derive, values: tuple[Any, ...]) -> None:
    assert derived(one, *values) is None


@given(a=NUMBERS, b=NUMBERS)
@pytest.mark.parametrize("kind", [Add, Subtract, Product, Ratio])
def test_arithmetic_never_raises_and_never_leaves_the_finite_numbers(kind: Any, a: Any, b: Any) -> None:
    found = derived(kind("a", "b"), a, b)

    assert found is None or math.isfinite(found)
    if a is None or b is None:
        assert found is None


@given(a=NUMBERS)
@pytest.mark.parametrize("one", [Log("a"), Log("a", 1), Clip("a", -1.0, 5.0), Bins("a", (0.0,), ("low", "high"))])
def test_a_function_of_a_number_never_raises(one: Derive, a: Any) -> None:
    found = derived(one, a)

    assert isinstance(found, str) or found is None or math.isfinite(found)


@given(text=TEXTS)
@pytest.mark.parametrize(
    "one",
    [Lower("a"), Strip("a"), FirstWord("a"), Contains("a", "é"), Length("a"), DatePart("a", "week"),
     Elapsed("a", "2019-04-19"), Lookup("a", (("x", 1.0),))],
)  # fmt: skip
def test_a_function_of_a_text_never_raises(one: Derive, text: str | None) -> None:
    found = derived(one, text)

    assert found is None or isinstance(found, str | float)
    if text is None:
        assert found is None


@given(text=st.text())
def test_text_functions_are_those_of_unicode(text: str) -> None:
    assert derived(Lower("a"), text) == text.lower()
    assert derived(Strip("a"), text) == text.strip()
    assert derived(Length("a"), text) == len(text)
    assert derived(FirstWord("a"), text) == (text.split() or [None])[0]


@given(number=st.integers(-(2**53), 2**53), other=st.integers(-(2**53), 2**53))
def test_a_whole_number_counts_as_the_float_that_training_saw(number: int, other: int) -> None:
    for kind, plain in ((Add, operator.add), (Subtract, operator.sub), (Product, operator.mul)):
        assert derived(kind("a", "b"), number, other) == plain(float(number), float(other))


def test_operands_can_be_functions_themselves() -> None:
    per_year = Ratio("odometer", Clip(Subtract(2019.0, "year"), 1.0))

    assert [derived(per_year, 90_000.0, year) for year in (2010.0, 2019.0)] == [10_000.0, 90_000.0]


def test_what_several_columns_share_is_computed_once() -> None:
    word = FirstWord("model")
    both = Deriver([Lower(word), Length(word), word])

    assert both.inputs == ["model"]
    assert len(both._steps) == 3
    assert both(["Ford focus"]) == ["ford", 4.0, "Ford"]


def test_the_number_one_and_the_text_one_are_different_operands() -> None:
    two = Deriver([Lookup("a", ((1.0, "number"),)), Lookup("a", (("1", "text"),))])

    assert [two([1.0]), two(["1"])] == [["number", None], [None, "text"]]


def test_the_columns_that_a_value_comes_from_are_told_once_each() -> None:
    one = Ratio(Subtract("a", Position("length", "sizes", 0)), Product("a", 2.0))

    assert sources(one) == ("a", "length")


@pytest.mark.parametrize(
    "one",
    [
        Ratio("a", Clip(Subtract(2019.0, "b"), 1.0)),
        Lookup(Lower("a"), (("gas", 1.0),), 0.0),
        Bins(Position("length", "sizes", 0), (1.5,), ("short", "long")),
        Elapsed("born", "2019-04-19", "days"),
    ],
)
def test_a_derived_column_reads_from_its_plan_as_it_was_written(one: Derive) -> None:
    column = Column("made", derive=one)

    assert msgspec.json.decode(msgspec.json.encode(column), type=Column) == column
