"""towpath.toml: the annotated example in docs/settings.md is its schema; unknown keys are refused with their path."""

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from towpath.core import formats
from towpath.core.errors import Faulty

FILE = "towpath.toml"


class ProjectSettings(Struct, frozen=True):
    """A project: its name, where its services are, and the folders in which data sets are looked for."""

    name: str
    services: tuple[str, ...] = ("services/*",)
    data: tuple[str, ...] = ()


def read_project(given: Mapping[str, Any], where: str) -> ProjectSettings:
    """Raises FormatTooNew, or Faulty with every fault and its path."""
    if "format" in given:
        formats.check_format(given["format"], formats.PROJECT, where)
    faults = list(_faults(given))
    if faults:
        raise Faulty(where, faults, hint="docs/settings.md has the annotated example")
    return ProjectSettings(given["name"], tuple(given.get("services", ("services/*",))), tuple(given.get("data", ())))


def _faults(given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    known = {"format", "name", "services", "data"}
    if "format" not in given:
        yield "format", f'is missing; write: format = "{formats.PROJECT}"'
    for key in given:
        if key not in known:
            yield key, f"is not a setting; known are {', '.join(sorted(known))}"
    if not isinstance(given.get("name"), str) or not given["name"]:
        yield "name", 'is missing or not a string; write for example: name = "portfolio"'
    for key in ("services", "data"):
        value = given.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            yield key, f'should be a list of strings, such as ["{key}/*"]'
