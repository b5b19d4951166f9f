"""The limits of a load test, as people write them in towpath.toml and on the command line."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct, structs

from towpath.core.errors import Faulty, UsageError

UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0}
DURATION = re.compile(r"([0-9]*\.?[0-9]+)\s*(us|ms|s)")
NUMBER = re.compile(r"([0-9]*\.?[0-9]+(?:e-?[0-9]+)?)\s*(%?)")


class Limit(Struct, frozen=True):
    """What is aimed at, and what must not be: durations in seconds, shares of one, or requests a second."""

    target: float
    critical: float


class Targets(Struct, frozen=True):
    """Targets()      # for an ordinary service; those of throughput are for one instance

    Latencies are those of requests that were answered; a request that timed out counts with the time it waited.
    """

    p95: Limit = Limit(0.1, 0.5)
    p99: Limit = Limit(0.2, 1.0)
    errors: Limit = Limit(0.001, 0.01)
    rps: Limit = Limit(100.0, 50.0)


# The critical limit where only a target is given: in the proportion that the defaults have.
WORSE = {"p95": 5.0, "p99": 5.0, "errors": 10.0, "rps": 0.5}
LATENCIES = {"p95": 0.95, "p99": 0.99}


def read_targets(given: Mapping[str, Any], where: str, known: Targets | None = None) -> Targets:
    """`{"p95": "50ms", "errors": "0.1%, 1%", "rps": 100}`: targets, with what is critical after a comma.

    Raises Faulty with every fault.
    """
    limits: dict[str, Limit] = {}
    faults: list[tuple[str, str]] = []
    for name, value in given.items():
        try:
            limits[name] = read_limit(name, value)
        except UsageError as error:
            faults.append((name, str(error)))
    if faults:
        raise Faulty(
            where, faults, hint='write for example: p95 = "50ms", or with what is critical: p95 = "50ms, 200ms"'
        )
    return structs.replace(known or Targets(), **limits)


def read_limit(name: str, value: Any) -> Limit:
    """One limit; a critical one that is left out is as far from the target as those of the defaults are.

    Raises UsageError.
    """
    if name not in WORSE:
        raise UsageError(f"is no limit of a load test; known are {', '.join(WORSE)}")
    read = _read_duration if name in LATENCIES else _read_share if name == "errors" else _read_number
    target, *critical = [read(part.strip()) for part in str(value).split(",")]
    if len(critical) > 1 or isinstance(value, bool):
        raise UsageError(f"is {value!r}; a target is meant, and after a comma what is critical")
    limit = Limit(target, critical[0] if critical else _worse(target, name))
    if (limit.critical < limit.target) != (name == "rps") and limit.critical != limit.target:
        raise UsageError(f"is {value!r}, whose critical limit is easier to break than its target")
    return limit


def _worse(target: float, name: str) -> float:
    return min(target * WORSE[name], 0.999) if name == "errors" else target * WORSE[name]


def _read_duration(text: str) -> float:
    found = DURATION.fullmatch(text)
    if not found or not float(found[1]):
        raise UsageError(f"is {text!r}; a duration is meant, such as 100ms or 0.5s")
    return float(found[1]) * UNITS[found[2]]


def _read_share(text: str) -> float:
    found = NUMBER.fullmatch(text)
    share = float(found[1]) / (100 if found[2] else 1) if found else 0.0
    if not 0 < share < 1:
        raise UsageError(f"is {text!r}; a share between 0 and 1 is meant, such as 0.1% or 0.001")
    return share


def _read_number(text: str) -> float:
    found = NUMBER.fullmatch(text)
    if not found or found[2] or not float(found[1]):
        raise UsageError(f"is {text!r}; requests a second are meant, such as 100")
    return float(found[1])


def load_faults(given: Any) -> Iterator[tuple[str, str]]:
    """Every fault of [load] in towpath.toml: limits, and under `service` those of single services."""
    if not isinstance(given, Mapping):
        yield "load", 'should be a table: [load], and under it limits such as p95 = "100ms"'
        return
    services = given.get("service", {})
    if not isinstance(services, Mapping) or not all(isinstance(one, Mapping) for one in services.values()):
        yield "load.service", 'should be tables: [load.service.bankchurn], and under it p95 = "50ms"'
        return
    tables = {"load": {name: value for name, value in given.items() if name != "service"}}
    tables |= {f"load.service.{service}": limits for service, limits in services.items()}
    for where, limits in tables.items():
        try:
            read_targets(limits, where)
        except Faulty as faulty:
            yield from ((f"{where}.{path}", reason) for path, reason in faulty.faults)


def targets_of(given: Mapping[str, Any], service: str) -> Targets:
    """The targets of a service as towpath.toml has them: its own, then the project's, then the defaults."""
    common = read_targets({name: value for name, value in given.items() if name != "service"}, "load")
    return read_targets(given.get("service", {}).get(service, {}), f"load.service.{service}", common)
