"""One exposition out of several workers': counters add up and never go down, gauges are combined as fits each."""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from towpath.core.errors import TowpathError

Combine = Callable[[float, float], float]

GROWING = ("counter", "histogram")
OWN = "towpath_process_"  # told of each worker by itself, since a sum would hide the one that is ill
BY_NAME: dict[str, Combine] = {
    "towpath_ready": min,
    "towpath_routes_generation": min,  # all have got so far
    "towpath_routes_behind": max,
    "towpath_routes_mode": max,
    "towpath_routes_swap_seconds": max,
    "towpath_quarantined": max,
    "towpath_prediction_log_size_bytes": max,  # of the one folder that all write to
}
BY_END: dict[str, Combine] = {"_info": max, "_share": max}  # the same in every worker
EXACT = 2**53


class Family(NamedTuple):
    """One metric: its kind, what it says, and its series by their names with labels."""

    kind: str
    about: str
    series: dict[str, float]


Exposition = dict[str, Family]
"""Metrics by name."""


def read_exposition(text: str) -> Exposition:
    """What Telemetry.exposition wrote. Raises TowpathError for another text."""
    found: Exposition = {}
    about, series = "", dict[str, float]()
    try:
        for line in text.splitlines():
            if line.startswith("# HELP "):
                about = line.split(" ", 3)[3]
            elif line.startswith("# TYPE "):
                _, _, name, kind = line.split(" ")
                series = {}
                found[name] = Family(kind, about, series)
            else:
                one, _, value = line.rpartition(" ")
                if not one.startswith(next(reversed(found), "# TYPE")):
                    raise ValueError(f"{one} belongs to no metric")
                series[one] = float(value)
    except (ValueError, IndexError) as error:
        raise TowpathError(f"no exposition: {error}", hint="the worker is of another version") from error
    return found


def summed(workers: Iterable[tuple[int, Exposition]], gone: Exposition) -> Exposition:
    """What all workers tell together, each with the number of its slot; `gone` is what ended ones had counted."""
    total: Exposition = {}
    for slot, exposition in workers:
        for name, family in exposition.items():
            if name.startswith(OWN):
                family = _labelled(family, slot)
            _add(total, name, family)
    for name, family in gone.items():
        _add(total, name, family)
    return total


def kept(gone: Exposition, ended: Exposition) -> Exposition:
    """What remains of a worker that ended: its counts, so that no sum goes down; not what was true of it alone."""
    total: Exposition = {}
    for exposition in (gone, ended):
        for name, family in exposition.items():
            if family.kind in GROWING and not name.startswith(OWN):
                _add(total, name, family)
    return total


def _of_one(series: str) -> bool:
    return 'bundle="' in series or 'revision="' in series


def without_retired(gone: Exposition, told: Iterable[Exposition]) -> Exposition:
    """Without the series of bundles and revisions that no worker tells any more: else months of swaps would pile up."""
    alive = {series for exposition in told for family in exposition.values() for series in family.series}
    return {
        name: Family(family.kind, family.about, {
            series: value for series, value in family.series.items() if series in alive or not _of_one(series)
        })
        for name, family in gone.items()
    }  # fmt: skip


def written_exposition(exposition: Mapping[str, Family]) -> str:
    lines: list[str] = []
    for name, family in sorted(exposition.items()):
        lines += [f"# HELP {name} {family.about}", f"# TYPE {name} {family.kind}"]
        lines += [f"{series} {_number(value)}" for series, value in family.series.items()]
    return "\n".join(lines) + "\n"


def _add(total: Exposition, name: str, family: Family) -> None:
    known = total.get(name)
    if known is None:
        total[name] = Family(family.kind, family.about, dict(family.series))
        return
    combine, series = _combining(name, family.kind), known.series
    for one, value in family.series.items():
        series[one] = combine(series[one], value) if one in series else value


def _combining(name: str, kind: str) -> Combine:
    if kind in GROWING:
        return _plus
    return BY_NAME.get(name) or next((how for end, how in BY_END.items() if name.endswith(end)), _plus)


def _plus(one: float, other: float) -> float:
    return one + other


def _labelled(family: Family, slot: int) -> Family:
    """With the label `worker`; these series have no other."""
    series = {f'{one}{{worker="{slot}"}}': value for one, value in family.series.items()}
    return Family(family.kind, family.about, series)


def _number(value: float) -> str:
    return str(int(value)) if value == value // 1 and abs(value) < EXACT else repr(value)
