"""Records as a user writes them: a class with annotations; roles; and the contract's fields read from it."""

from collections.abc import Iterator
from types import NoneType, UnionType
from typing import Annotated, Any, ClassVar, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta

from towpath.core.contract import Field, FieldType, Role, field_type

T = TypeVar("T")


class _RoleMark(msgspec.Struct, frozen=True):
    role: Role


Id = Annotated[T, _RoleMark("id")]
"""A field that joins labels later; never an input. `CustomerId: Id[int] | None = None`"""
Context = Annotated[T, _RoleMark("context")]
"""A field to slice by; never an input."""
Private = Annotated[T, _RoleMark("private")]
"""A field that is never logged and never an input."""
NotBlank = Annotated[str, Meta(pattern=r"\S")]
"""A string with something in it."""


class _Names(msgspec.Struct, frozen=True):
    names: tuple[str, ...]


def named(*names: str) -> _Names:
    """The names of a vector's positions: `Annotated[tuple[Cm, Cm], named("length", "width")]`."""
    return _Names(names)


class Record:
    """Base of a user's record: each annotation is a field, in order.

    class Customer(Record):
        CreditScore: Annotated[int, Meta(ge=300, le=850)]
        Geography: Literal["France", "Germany", "Spain"]
        Tenure: Annotated[int, Meta(ge=0, le=10)] | None     # may be null, and is watched as such
    """

    __towpath_record__: ClassVar[bool] = True


def read_fields(record: type[Record]) -> tuple[list[Field], list[tuple[str, str]]]:
    """The fields of a record class, and every fault in it with its path and a mend."""
    fields: list[Field] = []
    faults: list[tuple[str, str]] = []
    hints = get_type_hints(record, include_extras=True)
    for name, hint in hints.items():
        if name.startswith("__"):
            continue
        try:
            fields.append(_read_field(name, hint, getattr(record, name, msgspec.UNSET)))
        except _NotAField as fault:
            faults.append((f"record.{name}", str(fault)))
    for name in vars(record):
        if not name.startswith("__") and name not in hints:
            faults.append(
                (f"record.{name}", f"has no type, so it is no field; write {name}: float = {vars(record)[name]!r}")
            )
    if not fields and not faults:
        faults.append(("record", "has no fields; write at least one annotation: Age: int"))
    return fields, faults


class _NotAField(Exception):
    """An annotation that no field can have; the message says what to write instead."""


def _read_field(name: str, hint: Any, default: Any) -> Field:
    kind, marks, nullable = _unwrap(hint)
    role: Role = next((mark.role for mark in marks if isinstance(mark, _RoleMark)), "feature")
    limits = _limits(mark for mark in marks if isinstance(mark, Meta))
    limits |= _read_kind(kind, next((mark.names for mark in marks if isinstance(mark, _Names)), ()))
    field = Field(name=name, role=role, nullable=nullable, default=default, **limits)
    _refuse_impossible(field)
    return field


def _unwrap(hint: Any) -> tuple[Any, list[Any], bool]:
    """The plain type, every mark around it, and whether None is allowed beside it."""
    marks: list[Any] = []
    nullable = False
    while True:
        if get_origin(hint) is Annotated:
            hint, *found = get_args(hint)
            marks += found
        elif get_origin(hint) in (Union, UnionType) and NoneType in get_args(hint):
            rest = [arg for arg in get_args(hint) if arg is not NoneType]
            if len(rest) != 1:
                raise _NotAField(f"can be one type or None, not {hint}; write for example: float | None")
            hint, nullable = rest[0], True
        else:
            return hint, marks, nullable


def _limits(metas: Iterator[Meta]) -> dict[str, Any]:
    keywords = ("ge", "gt", "le", "lt", "min_length", "max_length", "pattern", "description")
    given = [(keyword, getattr(meta, keyword)) for meta in metas for keyword in keywords]
    return {keyword: value for keyword, value in given if value is not None}  # one mark leaves another's limits alone


_TYPES: dict[Any, FieldType] = {float: "number", int: "integer", bool: "boolean", str: "string"}


def _read_kind(kind: Any, names: tuple[str, ...]) -> dict[str, Any]:
    if kind in _TYPES:
        return {"type": _TYPES[kind]}
    if get_origin(kind) is Literal:
        choices = get_args(kind)
        if not all(isinstance(choice, str) for choice in choices) and not all(
            type(choice) is int for choice in choices
        ):
            raise _NotAField(f"has choices of several types {choices}; use strings only, or whole numbers only")
        return {"type": "string" if isinstance(choices[0], str) else "integer", "choices": choices}
    if get_origin(kind) is tuple:
        return _read_vector(get_args(kind), names)
    raise _NotAField(f"has type {kind!r}; a field is int, float, bool, str, Literal[...] or a named tuple of floats")


def _read_vector(items: tuple[Any, ...], names: tuple[str, ...]) -> dict[str, Any]:
    if len(names) != len(items):
        raise _NotAField(
            f"is a vector of {len(items)} numbers with {len(names)} names; give each position one: "
            'Annotated[tuple[float, float], named("length", "width")]'
        )
    read = [_unwrap(item) for item in items]
    if any(kind is not float for kind, _, _ in read) or len({repr(one) for one in read}) != 1:
        raise _NotAField("is a vector whose positions differ or are no floats; all need float, with the same limits")
    return {"type": "vector", "names": names} | _limits(mark for mark in read[0][1] if isinstance(mark, Meta))


def _refuse_impossible(field: Field) -> None:
    low = max((limit for limit in (field.ge, field.gt) if limit is not None), default=None)
    high = min((limit for limit in (field.le, field.lt) if limit is not None), default=None)
    if low is not None and high is not None and low > high:
        raise _NotAField(f"has limits that nothing fits: from {low:g} to {high:g}")
    if field.default is None and not field.nullable:
        raise _NotAField("has None as default, but may not be None; write its type as: ... | None")
    if not field.required and field.default is not None:
        _refuse_default(field)


def _refuse_default(field: Field) -> None:
    try:
        msgspec.convert(field.default, field_type(field))
    except msgspec.ValidationError as error:
        raise _NotAField(f"has default {field.default!r}, which it could not be sent: {error}") from error
