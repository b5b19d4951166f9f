"""A record class becomes the contract's fields, or all its faults are told at once."""

from typing import Annotated, Literal

from msgspec import Meta

from towpath.core.contract import Field
from towpath.declare import Context, Id, NotBlank, Private, Record, named
from towpath.declare.record import read_fields


def test_types_limits_and_defaults_are_read():
    class Customer(Record):
        Age: Annotated[int, Meta(ge=18, le=100, description="in years")]
        Country: Literal["France", "Spain"]
        Tenure: Annotated[int, Meta(ge=0)] | None
        Balance: float = 0.0
        Active: bool = True

    fields, faults = read_fields(Customer)

    assert faults == []
    assert fields == [
        Field("Age", "integer", ge=18, le=100, description="in years"),
        Field("Country", "string", choices=("France", "Spain")),
        Field("Tenure", "integer", nullable=True, ge=0),
        Field("Balance", "number", default=0.0),
        Field("Active", "boolean", default=True),
    ]


def test_a_description_around_a_type_keeps_the_limits_inside():
    class Car(Record):
        model: Annotated[NotBlank, Meta(description="in lower case")]

    assert read_fields(Car)[0] == [Field("model", "string", pattern=r"\S", description="in lower case")]


def test_roles_are_read():
    class Customer(Record):
        CustomerId: Id[int] | None = None
        Gender: Context[Literal["f", "m"]]
        Surname: Private[str]

    assert [(field.name, field.role) for field in read_fields(Customer)[0]] == [
        ("CustomerId", "id"),
        ("Gender", "context"),
        ("Surname", "private"),
    ]


def test_a_vector_has_named_positions_and_one_set_of_limits():
    Cm = Annotated[float, Meta(ge=0, le=30)]

    class Flower(Record):
        features: Annotated[tuple[Cm, Cm], named("length", "width")]

    assert read_fields(Flower)[0] == [Field("features", "vector", ge=0, le=30, names=("length", "width"))]


def test_a_string_may_have_to_say_something():
    class Sentence(Record):
        text: NotBlank

    assert read_fields(Sentence)[0] == [Field("text", "string", pattern=r"\S")]


def test_every_fault_is_told_with_its_path_and_a_mend():
    class Wrong(Record):
        when: dict
        mixed: Literal["a", 1]
        either: int | str
        pair: tuple[float, float]
        nothing: Annotated[int, Meta(ge=5, le=3)]
        absent: int = None
        country: Literal["a", "b"] = "c"

    fields, faults = read_fields(Wrong)

    assert fields == []
    assert [path for path, _ in faults] == [
        "record.when", "record.mixed", "record.either", "record.pair", "record.nothing", "record.absent",
        "record.country",
    ]  # fmt: skip
    told = dict(faults)
    assert "a field is int, float" in told["record.when"]
    assert "has type int | str" in told["record.either"]
    assert 'named("length", "width")' in told["record.pair"]
    assert "from 5 to 3" in told["record.nothing"]
    assert "| None" in told["record.absent"]


def test_a_record_without_fields_is_a_fault():
    class Empty(Record):
        pass

    assert read_fields(Empty)[1] == [("record", "has no fields; write at least one annotation: Age: int")]
