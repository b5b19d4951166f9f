"""The derived columns of a declaration worked out: what each is made of, down to the record's own columns."""

import difflib
import math
from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from towpath.core import derive
from towpath.core.contract import Field
from towpath.core.derive import Derive, Kind, Operand

Fault = tuple[str, str]


class Derived(Struct, frozen=True):
    """A derived column: how it is computed from the record alone, and what comes out.

    A text with choices can be nothing else; one without gets its categories from the training rows.
    """

    name: str
    derive: Derive
    kind: Kind
    choices: tuple[str, ...] = ()


def resolve(features: Mapping[str, Operand], fields: Sequence[Field]) -> tuple[list[Derived], list[Fault]]:
    """Every derived column that can be computed, and every fault of the others with its path and a mend."""
    found = _Resolver(features, fields)
    made = [one for name in features if (one := found.column(name))]
    return made, found.faults


class _Fault(Exception):
    """What is wrong with a derived column, and what to write instead."""


class _Resolver:
    def __init__(self, features: Mapping[str, Operand], fields: Sequence[Field]):
        self.faults: list[Fault] = []
        self._features = features
        self._others = {field.name: field.role for field in fields if field.role != "feature"}
        inputs = [field for field in fields if field.role == "feature"]
        self._leaves: dict[str, Operand] = {name: _leaf(field, name) for field in inputs for name in field.columns}
        self._kinds: dict[str, Kind] = {name: _kind(field) for field in inputs for name in field.columns}
        self._taken = {field.name for field in fields} | set(self._leaves)

    def column(self, name: str) -> Derived | None:
        try:
            if name in self._taken:
                raise _Fault("is a name that the record has already; choose another")
            if not isinstance(self._features[name], Derive):
                raise _Fault(f"is {self._features[name]!r}; write a function of columns, such as ratio(a, b)")
            made, kind, choices = self._resolved(self._features[name], (name,))
            return Derived(name, made, kind, choices)  # type: ignore[arg-type]  # a function stays one
        except _Fault as fault:
            self.faults.append((f"features.{name}", str(fault)))
            return None

    def _resolved(self, one: Operand, path: tuple[str, ...]) -> tuple[Operand, Kind, tuple[str, ...]]:
        """An operand made of the record's columns alone, whether it is a number or a text, and the texts it can be."""
        if isinstance(one, str):
            return self._named(one, path)
        if isinstance(one, int | float):
            return _number(one), "number", ()
        if not isinstance(one, Derive):
            raise _Fault(f"has {one!r} in it, which is neither a column, a number nor a function of them")
        for fault in _settings(one):
            raise _Fault(fault)
        inner = {operand: self._resolved(operand, path) for operand in derive.operands(one)}
        for operand, (_, kind, _) in inner.items():
            if one.takes not in ("any", kind):
                raise _Fault(f"takes a {one.takes} for {_word(one)}(), but {_told(operand)} is a {kind}")
            _check_keys(one, operand, kind)
        made = derive.with_operands(one, lambda operand: inner[operand][0])
        if not any(True for _ in derive.leaves(made)):
            raise _Fault(f"has a {_word(one)}() of constants, which is a constant; name a column in it")
        return made, *_given(one)

    def _named(self, name: str, path: tuple[str, ...]) -> tuple[Operand, Kind, tuple[str, ...]]:
        if name in self._leaves:
            return self._leaves[name], self._kinds[name], ()
        if name in self._others:
            raise _Fault(f"is made of {name}, which has role {self._others[name]} and so is never an input")
        if name in path:
            raise _Fault(f"is made of itself: {' <- '.join((*path, name))}")
        if name in self._features:
            return self._resolved(self._features[name], (*path, name))
        known = [*self._leaves, *self._features]
        close = difflib.get_close_matches(name, known, 1)
        raise _Fault(
            f"is made of {name}, which is no feature of the record; "
            + (f"is {close[0]} meant?" if close else f"it has {', '.join(self._leaves)}")
        )


def _check_keys(one: Derive, operand: Operand, kind: Kind) -> None:
    """Of a lookup: a key of the other kind would never be found."""
    keys = [key for key, _ in one.table] if isinstance(one, derive.Lookup) else []
    if wrong := [key for key in keys if isinstance(key, str) != (kind == "text")]:
        raise _Fault(f"looks up {wrong[0]!r}, which {_told(operand)}, a {kind}, can never be")


def _leaf(field: Field, name: str) -> Operand:
    return derive.Position(name, field.name, field.names.index(name)) if field.names else name


def _kind(field: Field) -> Kind:
    return "text" if field.type == "string" else "number"


def _number(number: float) -> float:
    if not math.isfinite(number):
        raise _Fault(f"has {number} in it; a finite number is meant")
    return float(number)


def _given(one: Derive) -> tuple[Kind, tuple[str, ...]]:
    """What a function gives, and the texts that it can give where they are known."""
    if isinstance(one, derive.Bins):
        return "text", one.labels
    if not isinstance(one, derive.Lookup):
        return one.gives, ()
    values = [value for _, value in one.table] + ([] if one.default is None else [one.default])
    texts = tuple(dict.fromkeys(value for value in values if isinstance(value, str)))
    return ("text", texts) if texts else ("number", ())


def _settings(one: Derive) -> Iterator[str]:
    """What is wrong with a function's own settings."""
    match one:
        case derive.Clip(low=low, high=high):
            if low is None and high is None:
                yield "clips to no limit; give low, high or both"
            elif low is not None and high is not None and low > high:
                yield f"clips to limits that nothing fits: from {low:g} to {high:g}"
        case derive.Bins(edges=edges):
            if not edges or not all(map(math.isfinite, edges)) or list(edges) != sorted(set(edges)):
                yield f"has bins with edges {list(edges)}; give one at least, each above the one before it"
        case derive.DatePart(part=part):
            if part not in derive.PARTS:
                yield f"asks for the {part} of a date; there are {', '.join(derive.PARTS)}"
        case derive.Elapsed(until=until):
            if derive.read_time(until) is None:
                yield f'counts until {until!r}, which is no date; write it as "2019-04-19"'
        case derive.Contains(what=what):
            if not what:
                yield "looks for no character at all; every text contains that"
        case derive.Lookup(table=table, default=default):
            values = [value for _, value in table] + ([] if default is None else [default])
            if not table:
                yield "looks into an empty table"
            elif len({isinstance(value, str) for value in values}) > 1:
                yield "looks up texts and numbers; give one kind, so that the column is one thing"
            elif any(isinstance(value, float) and not math.isfinite(value) for value in values):
                yield "looks up a number that is not finite; leave the key out, and its value is missing"


def _word(one: Derive) -> str:
    return str(one.__struct_config__.tag)


def _told(operand: Operand) -> str:
    if isinstance(operand, str):
        return operand
    return f"{operand:g}" if isinstance(operand, int | float) else f"{_word(operand)}()"  # type: ignore[arg-type]
