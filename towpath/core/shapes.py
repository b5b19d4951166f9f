"""Every fault of a decoded JSON value against one of our records, each with its path; msgspec tells only the first."""

from collections.abc import Iterator
from typing import Any, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Struct

Fault = tuple[str, str]
"""Where, as `traffic[1].percent`, and what is wrong there."""


def shape_faults(given: Any, kind: type[Struct], path: str = "") -> list[Fault]:
    """What keeps a value of dicts and lists from being converted to a record; [] where it converts."""
    return list(_record_faults(given, kind, path))


def _record_faults(given: Any, kind: type[Struct], path: str) -> Iterator[Fault]:
    if not isinstance(given, dict):
        yield path or "the file", f"should be an object, not {_shown(given)}"
        return
    hints = get_type_hints(kind, include_extras=True)
    tag = kind.__struct_config__.tag_field
    for name in given:
        if name not in hints and name != tag:
            yield _under(path, name), f"is not known; known are {', '.join(hints)}"
    for field in msgspec.structs.fields(kind):
        if field.encode_name in given:
            yield from _faults(given[field.encode_name], hints[field.name], _under(path, field.encode_name))
        elif field.required:
            yield _under(path, field.encode_name), "is missing"


def _faults(given: Any, hint: Any, path: str) -> Iterator[Fault]:
    record = next((one for one in (hint, *get_args(hint)) if isinstance(one, type) and issubclass(one, Struct)), None)
    if record is None:
        yield from _value_faults(given, hint, path)
    elif get_origin(hint) is tuple:
        yield from _list_faults(given, record, path)
    elif given is not None or type(None) not in get_args(hint):
        yield from _record_faults(given, record, path)


def _list_faults(given: Any, record: type[Struct], path: str) -> Iterator[Fault]:
    if not isinstance(given, list | tuple):
        yield path, f"should be a list, not {_shown(given)}"
        return
    for position, one in enumerate(given):
        yield from _record_faults(one, record, f"{path}[{position}]")


def _value_faults(given: Any, hint: Any, path: str) -> Iterator[Fault]:
    try:
        msgspec.convert(given, hint)
    except msgspec.ValidationError as error:
        reason, _, where = str(error).partition(" - at `$")
        yield path + where.rstrip("`"), reason[:1].lower() + reason[1:]


def _under(path: str, name: str) -> str:
    return f"{path}.{name}" if path else str(name)


def _shown(given: Any) -> str:
    return _WORDS.get(type(given), "a number")


_WORDS = {type(None): "null", dict: "an object", list: "a list", str: "a string", bool: "true or false"}
