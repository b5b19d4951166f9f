"""towpath.toml: the annotated example in docs/settings.md is its schema; unknown keys are refused with their path."""

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from towpath.core import formats
from towpath.core.errors import Faulty
from towpath.core.load_targets import load_faults

FILE = "towpath.toml"


class Tracking(Struct, frozen=True):
    """Where runs are mirrored to: the address of an MLflow server, and the registered model if not the service's."""

    mlflow: str = ""
    model: str = ""


class ProjectSettings(Struct, frozen=True):
    """A project: its name, its services, where data is looked for and shared, where runs are mirrored to, limits."""

    name: str
    services: tuple[str, ...] = ("services/*",)
    data: tuple[str, ...] = ()
    remote: str = ""
    tracking: Tracking = Tracking()
    serve: Mapping[str, Any] = {}
    load: Mapping[str, Any] = {}


def read_project(given: Mapping[str, Any], where: str) -> ProjectSettings:
    """Raises FormatTooNew, or Faulty with every fault and its path."""
    if "format" in given:
        formats.check_format(given["format"], formats.PROJECT, where)
    faults = list(_faults(given))
    if faults:
        raise Faulty(where, faults, hint="docs/settings.md has the annotated example")
    return ProjectSettings(
        given["name"],
        tuple(given.get("services", ("services/*",))),
        tuple(given.get("data", ())),
        remote=given.get("remote", ""),
        tracking=Tracking(**given.get("tracking", {})),
        serve=given.get("serve", {}),
        load=given.get("load", {}),
    )


def _faults(given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    known = {"format", "name", "services", "data", "remote", "tracking", "serve", "load"}
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
    if not isinstance(given.get("remote", ""), str):
        yield "remote", 'should be the path of a folder, such as "/srv/towpath"'
    yield from _tracking_faults(given.get("tracking", {}))
    if not isinstance(given.get("serve", {}), Mapping):
        yield "serve", "should be a table: [serve], and under it the settings of `towpath serve`"
    yield from load_faults(given.get("load", {}))


def _tracking_faults(given: Any) -> Iterator[tuple[str, str]]:
    if not isinstance(given, Mapping):
        yield "tracking", 'should be a table: [tracking], and under it mlflow = "http://127.0.0.1:5000"'
        return
    known = Tracking.__struct_fields__
    for key in given:
        if key not in known:
            yield f"tracking.{key}", f"is not a setting; known are {', '.join(sorted(known))}"
    if not isinstance(given.get("model", ""), str):
        yield "tracking.model", 'should be a string, such as "churn"'
    address = given.get("mlflow", "")
    if not isinstance(address, str) or (address and not is_server(address)):
        yield "tracking.mlflow", f'is {address!r}; an address is meant, such as "http://127.0.0.1:5000"'


def is_server(address: str) -> bool:
    """Whether it is the address of a server; MLflow's own file and database stores are not written to."""
    return address.startswith(("http://", "https://"))
