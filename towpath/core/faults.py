"""The second look at a record that the fast decoder refused: every fault at once, each with its path."""

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal

from msgspec import Struct

from towpath.core.contract import Contract, Field

FaultKind = Literal[
    "missing", "unknown", "object", "list", "number", "integer", "fraction", "numeric", "boolean", "string",
    "choice", "ge", "gt", "le", "lt", "length", "pattern", "blank", "finite", "json", "too_few", "too_many",
]  # fmt: skip
Path = tuple[str | int, ...]
LARGEST = math.nextafter(math.inf, 0.0)


class Fault(Struct, frozen=True):
    """One thing wrong with what a client sent. `limit` is the bound, length or list of choices that was broken."""

    path: Path
    kind: FaultKind
    reason: str
    limit: Any = None

    def where(self) -> str:
        """The path as people write it: `customers[1].Age`."""
        return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in self.path).lstrip(".")


_WORDS = {"ge": "at least", "gt": "greater than", "le": "at most", "lt": "less than"}
_HOLDS = {
    "ge": lambda value, limit: value >= limit,
    "gt": lambda value, limit: value > limit,
    "le": lambda value, limit: value <= limit,
    "lt": lambda value, limit: value < limit,
}


class SecondLook:
    """Reads decoded JSON values as records of one contract, field by field, and finds every fault.

    It accepts what the fast decoder accepts, and numbers in strings where the style says so.
    """

    def __init__(self, contract: Contract):
        self._contract = contract
        self.names = frozenset(field.name for field in contract.record)
        self._fields = [(field, field.name, _rightness(field)) for field in contract.record]

    def __call__(self, given: Any, path: Path = ()) -> tuple[dict[str, Any], list[Fault]]:
        """(what was understood, every fault); without faults the first part converts to the record type as it is."""
        if not isinstance(given, Mapping):
            return {}, [Fault(path, "object", "should be an object")]
        record: dict[str, Any] = {}
        faults: list[Fault] = []
        numeric_strings = self._contract.style.numeric_strings
        for field, name, is_right in self._fields:
            if name in given:
                record[name] = value = given[name]
                if not is_right(value):
                    record[name], found = _look_at(field, value, (*path, name), numeric_strings)
                    faults += found
            elif field.required:
                faults.append(Fault((*path, name), "missing", "is required"))
        if self._contract.strict:
            faults += [Fault((*path, name), "unknown", "is not a field of the record") for name in self.unknown(given)]
        return record, faults

    def unknown(self, given: Mapping[str, Any]) -> list[str]:
        """The fields that the contract does not know."""
        return [name for name in given if name not in self.names]


def look_again(contract: Contract, given: Any) -> tuple[dict[str, Any], list[Fault]]:
    """One value, read by a SecondLook."""
    return SecondLook(contract)(given)


def look_at(field: Field, value: Any) -> list[Fault]:
    """Every fault of one field's value."""
    return _look_at(field, value, (field.name,), numeric_strings=False)[1]


def _rightness(field: Field) -> Callable[[Any], bool]:
    """Whether a value is surely right: nearly all are, where one of ten is not; what is in doubt is looked at."""
    if field.choices:
        kind, choices = type(field.choices[0]), frozenset(field.choices)
        return lambda value: type(value) is kind and value in choices
    if field.type == "boolean":
        return lambda value: type(value) is bool
    if field.role == "id" or field.type not in ("integer", "number"):
        return lambda value: False
    above, below = field.gt if field.gt is not None else -math.inf, field.lt if field.lt is not None else math.inf
    low, high = field.ge if field.ge is not None else -LARGEST, field.le if field.le is not None else LARGEST
    kinds = (int,) if field.type == "integer" else (int, float)
    # As a float, since that is what is decoded: a larger int may round to the very limit.
    return lambda value: type(value) in kinds and low <= value <= high and above < float(value) < below


def _look_at(field: Field, value: Any, path: Path, numeric_strings: bool) -> tuple[Any, list[Fault]]:
    if value is None and field.nullable:
        return None, []
    if field.type == "vector":
        return _look_at_vector(field, value, path, numeric_strings)
    if field.role == "id":
        return value, list(_id_faults(field, value, path))
    if field.type == "integer" and field.choices:
        value = _whole(value, numeric_strings)
    if field.type == "string" or field.choices:
        return value, list(_string_faults(field, value, path))
    if field.type == "boolean":
        return value, [] if isinstance(value, bool) else [Fault(path, "boolean", "should be true or false")]
    return _look_at_number(field, value, path, numeric_strings)


def _look_at_vector(field: Field, value: Any, path: Path, numeric_strings: bool) -> tuple[Any, list[Fault]]:
    if isinstance(value, str) or not isinstance(value, Sequence):
        return value, [Fault(path, "list", f"should be a list of {len(field.names)} numbers")]
    if len(value) != len(field.names):
        names = ", ".join(field.names)
        return value, [
            Fault(path, "length", f"has {len(value)} values; it takes {len(field.names)}: {names}", len(field.names))
        ]
    looked = [_look_at_number(field, item, (*path, i), numeric_strings) for i, item in enumerate(value)]
    return [number for number, _ in looked], [fault for _, found in looked for fault in found]


def _look_at_number(field: Field, value: Any, path: Path, numeric_strings: bool) -> tuple[Any, list[Fault]]:
    kind: FaultKind = "integer" if field.type == "integer" else "number"
    word = "a whole number" if kind == "integer" else "a number"
    if isinstance(value, str) and numeric_strings:
        parsed = _parsed(value)
        if parsed is None:
            return value, [Fault(path, "numeric", f"should be {word}; {_shown(value)} is not one", kind)]
        value = parsed
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value, [Fault(path, kind, f"should be {word}, not {_json_type(value)}")]
    return value, list(_number_faults(field, value, path))


def _number_faults(field: Field, value: float, path: Path) -> Iterator[Fault]:
    if not _finite(value):
        yield Fault(path, "finite", "should be a finite number")
        return
    if field.type == "integer" and value != math.floor(value):
        yield Fault(path, "fraction", f"should be a whole number, not {value}")
        return
    for keyword, limit in field.bounds().items():
        if not _HOLDS[keyword](float(value), limit):
            yield Fault(path, keyword, f"should be {_WORDS[keyword]} {limit:g}, not {_shown(value)}", limit)  # type: ignore[arg-type]  # a key of _HOLDS


def _string_faults(field: Field, value: Any, path: Path) -> Iterator[Fault]:
    if field.choices:
        if value not in field.choices or isinstance(value, bool):
            kind: FaultKind = "choice" if isinstance(value, str | int) and not isinstance(value, bool) else "string"
            yield Fault(path, kind, f"should be one of {_listed(field.choices)}, not {_shown(value)}", field.choices)
        return
    if not isinstance(value, str):
        yield Fault(path, "string", f"should be a string, not {_json_type(value)}")
        return
    if field.max_length is not None and len(value) > field.max_length:
        yield Fault(
            path, "length", f"should have at most {field.max_length} characters, not {len(value)}", field.max_length
        )
    if field.min_length is not None and len(value) < field.min_length:
        yield Fault(path, "blank", f"should have at least {field.min_length} characters", field.min_length)
    elif field.pattern is not None and not re.search(field.pattern, value):
        yield Fault(
            path,
            "blank" if not value.strip() else "pattern",
            "is blank" if not value.strip() else f"should match {field.pattern}",
        )


def _id_faults(field: Field, value: Any, path: Path) -> Iterator[Fault]:
    allowed: tuple[type, ...] = (int, str) if field.type == "integer" else (str,)
    if isinstance(value, bool) or not isinstance(value, allowed):
        yield Fault(path, "string", f"should be an id, not {_json_type(value)}")


def _whole(value: Any, numeric_strings: bool) -> Any:
    """A whole number that came as 2.0, or as "2" where that is allowed; anything else as it is."""
    number = _parsed(value) if isinstance(value, str) and numeric_strings else value
    return int(number) if isinstance(number, float) and number.is_integer() else value


def _parsed(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # an int beyond the largest float
        return False


def _json_type(value: Any) -> str:
    names = {
        bool: "true or false",
        int: "a number",
        float: "a number",
        str: "a string",
        list: "a list",
        dict: "an object",
    }
    return "null" if value is None else names.get(type(value), type(value).__name__)


def _shown(value: Any, most: int = 40) -> str:
    text = repr(value)
    return text if len(text) <= most else text[: most - 3] + "..."


def _listed(choices: Sequence[Any]) -> str:
    return ", ".join(str(choice) for choice in choices)
