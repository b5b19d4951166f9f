"""The contract of a service: its record, what it predicts, its answer and its style, as data (contract.json)."""

import math
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Struct

from towpath.core import formats
from towpath.core.answer import Answer
from towpath.core.style import Style

Role = Literal["feature", "id", "context", "private"]
FieldType = Literal["number", "integer", "boolean", "string", "vector"]
TaskKind = Literal["binary", "multiclass", "regression"]
Logged = Literal["ids", "records"]
"""What the prediction log keeps of a record; private fields it never keeps."""

WHOLE = 1.0  # multiple_of for integers: they are read as floats, since the model wants floats and pandas sends 1.0


class Field(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """One field of a record; a vector is a list of numbers of fixed length whose positions have names of their own."""

    name: str
    type: FieldType
    role: Role = "feature"
    nullable: bool = False
    default: Any = msgspec.UNSET
    choices: tuple[str | int, ...] = ()
    ge: float | None = None
    gt: float | None = None
    le: float | None = None
    lt: float | None = None
    min_length: int | None = None
    max_length: int | None = None
    pattern: str | None = None
    names: tuple[str, ...] = ()
    description: str = ""

    @property
    def required(self) -> bool:
        return self.default is msgspec.UNSET

    @property
    def columns(self) -> tuple[str, ...]:
        """The names under which the model sees this field."""
        return self.names or (self.name,)

    def bounds(self) -> dict[str, float]:
        """The limits that are set, by their keyword: {"ge": 0.0, "le": 10.0}."""
        limits = {"ge": self.ge, "gt": self.gt, "le": self.le, "lt": self.lt}
        return {keyword: limit for keyword, limit in limits.items() if limit is not None}


class Task(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What is predicted: one of the classes (the last of two is the positive one) or a value."""

    kind: TaskKind
    target: str
    classes: tuple[str, ...] = ()

    @property
    def positive(self) -> str:
        return self.classes[-1]


class Contract(
    Struct, frozen=True, tag_field="format", tag=formats.CONTRACT, omit_defaults=True, forbid_unknown_fields=True
):
    """Everything a client of a service can rely on."""

    service: str
    record: tuple[Field, ...]
    task: Task
    answer: tuple[Answer, ...]
    style: Style
    title: str = ""
    description: str = ""
    strict: bool = False
    log: Logged = "ids"

    def field(self, name: str) -> Field:
        return next(field for field in self.record if field.name == name)

    @property
    def features(self) -> tuple[Field, ...]:
        return tuple(field for field in self.record if field.role == "feature")


def record_type(contract: Contract) -> type[Struct]:
    """The msgspec type that decodes and validates one record; every number is read as a float.

    >>> msgspec.json.decode(b'{"CreditScore": 650}', type=record_type(contract)).CreditScore
    650.0
    """
    fields = [_definition(field) for field in contract.record]
    return msgspec.defstruct(
        contract.service.replace("-", "_").capitalize() + "Record",
        fields,
        frozen=True,
        gc=False,  # holds no cycles: one thing less for the collector, 5 % of a decode
        kw_only=True,
        forbid_unknown_fields=contract.strict,
    )


def features_alone(contract: Contract) -> Contract:
    """The same contract for whoever looks at the features alone: every other field may be absent."""
    fields = [
        field if field.role == "feature" else msgspec.structs.replace(field, nullable=True, default=None)
        for field in contract.record
    ]
    return msgspec.structs.replace(contract, record=tuple(fields))


def _definition(field: Field) -> tuple[Any, ...]:
    kind = field_type(field)
    return (field.name, kind) if field.required else (field.name, kind, field.default)


def field_type(field: Field) -> Any:
    """The annotation that decodes and validates one field."""
    kind = _plain_type(field)
    return kind | None if field.nullable else kind


def _plain_type(field: Field) -> Any:
    if field.choices:
        return Literal[field.choices]
    if field.role == "id":
        return int | str if field.type == "integer" else str
    if field.type == "boolean":
        return bool
    if field.type == "string":
        return _constrained(str, min_length=field.min_length, max_length=field.max_length, pattern=field.pattern)
    number = _constrained(float, **field.bounds(), multiple_of=WHOLE if field.type == "integer" else None)
    return tuple[(number,) * len(field.names)] if field.type == "vector" else number  # type: ignore[misc]


def _constrained(kind: type, **limits: Any) -> Any:
    given = {keyword: limit for keyword, limit in limits.items() if limit is not None}
    return Annotated[kind, msgspec.Meta(**given)] if given else kind


def example_record(contract: Contract) -> dict[str, Any]:
    """A valid record made from types and limits alone, for documentation and first tries."""
    return {field.name: example_value(field) for field in contract.record if field.role == "feature" or field.required}


def example_value(field: Field) -> Any:
    if field.choices:
        return field.choices[0]
    if field.type == "vector":
        return [_example_number(field) for _ in field.names]
    if field.type == "string":
        return "some text"
    if field.type == "boolean":
        return True
    number = _example_number(field)
    return int(number) if field.type == "integer" else number


def _example_number(field: Field) -> float:
    """The middle of the range, or a small step inside the one limit there is."""
    low = field.ge if field.ge is not None else field.gt
    high = field.le if field.le is not None else field.lt
    if low is not None and high is not None:
        middle = (low + high) / 2
        return math.floor(middle) if field.type == "integer" else middle
    return low + 1.0 if low is not None else high - 1.0 if high is not None else 1.0
