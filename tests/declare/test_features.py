"""Derived columns in a declaration: what they are made of, and every fault with its path."""

from typing import Annotated, Any, Literal

import pytest

from towpath.core import derive
from towpath.core.errors import Faulty, UsageError
from towpath.core.plan import Column
from towpath.declare import Context, Id, Record, Service, csv, named, r2, regression, value
from towpath.declare.check import check_service, faults_of
from towpath.declare.features import (
    VOCABULARY,
    bins,
    clip,
    contains,
    date_part,
    days_since,
    first_word,
    is_missing,
    length,
    log,
    log1p,
    lookup,
    lower,
    ratio,
    strip,
    subtract,
    years_since,
)


class Car(Record):
    model: str
    year: int | None
    odometer: float
    fuel: Literal["gas", "diesel"]
    cylinders: Literal[4, 6]
    posted: str
    size: Annotated[tuple[float, float], named("length", "width")]
    number: Id[int]
    region: Context[str]


def cars(**features: Any) -> Service:
    service = Service(
        name="cars",
        record=Car,
        target=regression("price"),
        data=csv("cars.csv", sha256="0" * 64),
        features=features,
        answer={"price": value()},
        metrics=[r2()],
    )
    service.build(lambda columns: None)
    return service


def only_fault(**features: Any) -> str:
    [(path, fault)] = faults_of(cars(**features))
    assert path == "features.made"
    return fault


def test_derived_columns_are_given_to_build_like_any_other() -> None:
    columns = cars(brand=first_word("model"), age=subtract(2019, "year"), old=bins("year", [2000, 2010])).columns

    assert columns.numbers == ["year", "odometer", "length", "width", "age"]
    assert columns.categories == ["model", "fuel", "cylinders", "posted", "brand", "old"]
    assert columns.names[-3:] == ["brand", "age", "old"]


def test_a_column_can_be_left_out_once_others_are_derived_from_it() -> None:
    columns = cars(brand=first_word("model")).columns.without("model", "posted")

    assert columns.categories == ["fuel", "cylinders", "brand"]
    assert columns.only("brand", "year").names == ["year", "brand"]


def test_leaving_out_a_column_that_there_is_not_is_refused() -> None:
    with pytest.raises(UsageError, match="there is no column modle"):
        cars().columns.without("modle")


def test_a_closed_text_is_encoded_in_its_declared_order() -> None:
    encoder = cars(old=bins("year", [2000])).columns.only("fuel", "old").encode(categories="ordinal")

    assert encoder.transformers[0][1].categories == [["gas", "diesel"], ["below 2000", "from 2000"]]


def test_a_derived_column_is_resolved_down_to_the_record() -> None:
    service = cars(age=subtract(2019, "year"), per_year=ratio("odometer", clip("age", 1)), wide=log("width"))

    made = {one.name: one.derive for one in service.columns.derived}
    age = derive.Subtract(2019.0, "year")
    assert made["per_year"] == derive.Ratio("odometer", derive.Clip(age, 1.0))
    assert made["wide"] == derive.Log(derive.Position("width", "size", 1))


def test_functions_can_be_written_inside_each_other() -> None:
    [made] = cars(brand=lower(first_word(strip("model")))).columns.derived

    assert made.derive == derive.Lower(derive.FirstWord(derive.Strip("model")))


def test_bins_are_named_after_their_edges() -> None:
    [made] = cars(made=bins("odometer", [1e3, 20_000.5])).columns.derived

    assert made.choices == ("below 1000", "1000 to 20000.5", "from 20000.5")


def test_a_lookup_of_texts_is_a_category_with_its_choices_and_one_of_numbers_a_number() -> None:
    kinds = cars(
        group=lookup("fuel", {"gas": "fossil", "diesel": "fossil"}, "other"),
        power=lookup("cylinders", {4: 100, 6: 180}),
    ).columns.derived

    assert [(one.kind, one.choices) for one in kinds] == [("text", ("fossil", "other")), ("number", ())]


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        (ratio("odometer", "yaer"), "is made of yaer, which is no feature of the record; is year meant?"),
        (ratio("odometer", "price"), "is made of price, which is no feature of the record"),
        (log("number"), "is made of number, which has role id and so is never an input"),
        (length("region"), "is made of region, which has role context and so is never an input"),
        (ratio("odometer", "model"), "takes a number for ratio(), but model is a text"),
        (first_word("year"), "takes a text for first_word(), but year is a number"),
        (log(first_word("model")), "takes a number for log(), but first_word() is a text"),
        (subtract(2019, 3), "has a subtract() of constants, which is a constant; name a column in it"),
        (ratio("odometer", float("inf")), "has inf in it; a finite number is meant"),
        (clip("year"), "clips to no limit; give low, high or both"),
        (clip("year", 3, 2), "clips to limits that nothing fits: from 3 to 2"),
        (bins("year", [3, 2]), "has bins with edges [3.0, 2.0]; give one at least, each above the one before it"),
        (bins("year", []), "has bins with edges []; give one at least, each above the one before it"),
        (date_part("posted", "minute"), "asks for the minute of a date; there are year, quarter"),  # type: ignore[arg-type]
        (years_since("posted", "19.4.2019"), "counts until '19.4.2019', which is no date"),
        (contains("model", ""), "looks for no character at all; every text contains that"),
        (lookup("fuel", {}), "looks into an empty table"),
        (lookup("fuel", {"gas": 1, "diesel": "x"}), "looks up texts and numbers; give one kind"),
        (lookup("cylinders", {"4": 1}), "looks up '4', which cylinders, a number, can never be"),
        (len, "is <built-in function len>; write a function of columns, such as ratio(a, b)"),
        ("year", "is 'year'; write a function of columns, such as ratio(a, b)"),
        (ratio("odometer", len), "has <built-in function len> in it, which is neither a column, a number nor"),  # type: ignore[arg-type]
    ],
)
def test_a_fault_says_what_is_wrong_and_what_to_write(given: Any, fault: str) -> None:
    assert only_fault(made=given).startswith(fault)


def test_a_name_of_the_record_cannot_be_derived_anew() -> None:
    [(path, fault)] = faults_of(cars(year=log("odometer")))

    assert (path, fault) == ("features.year", "is a name that the record has already; choose another")


def test_columns_that_are_made_of_each_other_are_told_with_their_way_round() -> None:
    faults = dict(faults_of(cars(a=log("b"), b=log1p("a"))))

    assert faults["features.a"] == "is made of itself: a <- b <- a"
    assert set(faults) == {"features.a", "features.b"}


def test_all_faults_come_at_once() -> None:
    with pytest.raises(Faulty, match="2 faults") as refused:
        check_service(cars(a=log("model"), b=days_since("posted", "soon"), good=is_missing("year")))

    assert "features.a" in str(refused.value) and "features.b" in str(refused.value)


def test_every_word_explains_itself_in_a_line() -> None:
    assert all((word.__doc__ or "").strip() for word in VOCABULARY)


def test_a_column_of_the_plan_tells_the_columns_it_comes_from() -> None:
    [made] = cars(made=ratio("odometer", "length")).columns.derived

    assert Column("made", derive=made.derive).sources == ("odometer", "length")
    assert Column("year", "year").sources == ("year",)
