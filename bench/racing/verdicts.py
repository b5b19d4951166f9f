"""What the measured numbers say of what is promised: one line each, from the medians over all rounds."""

import statistics
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Servers = Mapping[str, list[dict[str, Any]]]
Cases = Mapping[str, Servers]

PROMISED: dict[str, tuple[float | None, float | None]] = {
    "bankchurn-four": (800, 0.40),
    "bankchurn": (550, 0.27),
    "iris": (400, None),
    "carvision": (300, None),
    "telecom": (200, None),
    "sentiment": (20, None),
    "batch-1000": (10, None),
    "batch-1000-contributions": (None, None),
}
"""Case -> ours over the reference, ours over nginx, at least."""
RACES = tuple(name for name in PROMISED if name != "batch-1000-contributions")
"""Cases that can be asked for; the others belong to one of these."""

MOST_P99_MS, MOST_P50, LEAST_REFUSED, MOST_BESIDE_MS = 1.2, 2.3, 1.0, 2.0
MOST_TELEMETRY, MOST_LOG = 5.0, 10.0  # percent
MOST_COLD_MS, MOST_RSS_MB = 250.0, 85.0
OF_CHURN = ("bankchurn-four", "bankchurn", "bankchurn-four-one", "bankchurn-one")


@dataclass(frozen=True)
class Figure:
    """One number of a line: `reference=871`. promised: `at least 800`, or nothing; kept: whether it holds."""

    name: str
    shown: str
    promised: str = ""
    kept: bool = True


@dataclass(frozen=True)
class Verdict:
    """A line of figures. about: what is compared, for people."""

    line: str
    about: str
    figures: tuple[Figure, ...]

    @property
    def kept(self) -> bool:
        return all(figure.kept for figure in self.figures)

    def __str__(self) -> str:
        told = " ".join([self.line, *(f"{figure.name}={figure.shown}" for figure in self.figures)])
        missed = [f"{figure.name} {figure.promised}" for figure in self.figures if not figure.kept]
        return f"{told}  MISSED {', '.join(missed)}" if missed else told


def verdicts(cases: Cases) -> list[Verdict]:
    """All lines for which there are measurements."""
    found = [_ratio(name, cases[name]) for name in PROMISED if name in cases]
    return found + [verdict for made in (_cost, _p50, _p99, _refused, _beside, _start, _rss) for verdict in made(cases)]


def median(servers: Servers, server: str, *of: str) -> float:
    """Of one number of a server's samples: median(servers, "ours", "load", "p99_ms")."""
    return statistics.median(values(servers, server, *of))


def values(servers: Servers, server: str, *of: str) -> list[float]:
    found = []
    for sample in servers[server]:
        value: Any = sample
        for name in of:
            value = value[name]
        found.append(float(value))
    return found


def speed(servers: Servers, server: str) -> float:
    return median(servers, server, "load", "per_second")


def _ratio(name: str, servers: Servers) -> Verdict:
    """`RATIO bankchurn reference=871 nginx=0.43`"""
    least, share = PROMISED[name]
    over = _at_least("reference", speed(servers, "ours") / speed(servers, "reference"), least, _times)
    if "nginx" not in servers:
        return Verdict(f"RATIO {name}", "requests a second, ours / theirs", (over, Figure("nginx", "-")))
    part = _at_least("nginx", speed(servers, "ours") / speed(servers, "nginx"), share, "{:.2f}".format)
    return Verdict(f"RATIO {name}", "requests a second, ours / theirs", (over, part))


def _cost(cases: Cases) -> Iterator[Verdict]:
    if servers := cases.get("bankchurn-four-cost"):
        telemetry = 100 * (1 - speed(servers, "ours") / speed(servers, "bare"))
        log = 100 * (1 - speed(servers, "logged") / speed(servers, "ours"))
        figures = _at_most("telemetry", telemetry, MOST_TELEMETRY), _at_most("log", log, MOST_LOG)
        yield Verdict("COST", "percent of the requests a second", figures)


def _p50(cases: Cases) -> Iterator[Verdict]:
    names = {"one": "bankchurn-four-one", "full": "bankchurn-one"}
    figures = [
        _at_most(name, _latency(cases[case], "ours", "p50_ms") / _latency(cases[case], "nginx", "p50_ms"), MOST_P50, 2)
        for name, case in names.items()
        if case in cases
    ]
    if figures:
        yield Verdict("P50", "median time on one connection, ours / nginx", tuple(figures))


def _p99(cases: Cases) -> Iterator[Verdict]:
    names = {"four": "bankchurn-four", "full": "bankchurn"}
    figures = [
        _at_most(name, _latency(cases[case], "ours", "p99_ms"), MOST_P99_MS, 2)
        for name, case in names.items()
        if case in cases
    ]
    if figures:
        yield Verdict("P99", "ms on 32 connections", tuple(figures))


def _refused(cases: Cases) -> Iterator[Verdict]:
    if {"bankchurn", "bankchurn-422"} <= set(cases):
        quotient = speed(cases["bankchurn-422"], "ours") / speed(cases["bankchurn"], "ours")
        figure = _at_least("422", quotient, LEAST_REFUSED, "{:.2f}".format)
        yield Verdict("REFUSED", "refusals a second / answers a second", (figure,))


def _beside(cases: Cases) -> Iterator[Verdict]:
    """Beside a batch, and for comparison alone: what the machine itself does to the slowest of many requests."""
    if {"alone", "beside-batch"} <= set(cases):
        besides, alone = cases["beside-batch"], cases["alone"]
        promised = [
            _at_most(name, _latency(besides, "ours", f"{name}_ms"), MOST_BESIDE_MS, 2) for name in ("p99", "max")
        ]
        told = [Figure(f"alone_{name}", f"{_latency(alone, 'ours', f'{name}_ms'):.2f}") for name in ("p99", "max")]
        yield Verdict("BESIDE", "ms of a single row while a batch of 1,000 is answered", (*promised, *told))


def _start(cases: Cases) -> Iterator[Verdict]:
    yield from _of_churn(cases, "START", "ms from exec to the first right answer", "cold_ms", MOST_COLD_MS)


def _rss(cases: Cases) -> Iterator[Verdict]:
    yield from _of_churn(cases, "RSS", "MB after the load", "rss_mb", MOST_RSS_MB)


def _of_churn(cases: Cases, line: str, about: str, of: str, most: float) -> Iterator[Verdict]:
    """Medians over every start of a worker with a churn bundle: the reference's pipeline, and the one that we ship."""
    figures = []
    for server in ("ours", "shipped"):
        found = [
            value for case in OF_CHURN if server in cases.get(case, {}) for value in values(cases[case], server, of)
        ]
        if found:
            figures.append(_at_most(server, statistics.median(found), most, 0))
    if figures:
        yield Verdict(line, about, tuple(figures))


def _latency(servers: Servers, server: str, of: str) -> float:
    return median(servers, server, "load", of)


def _times(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}"


def _at_least(name: str, value: float, least: float | None, shown: Callable[[float], str]) -> Figure:
    if least is None:
        return Figure(name, shown(value))
    return Figure(name, shown(value), f"at least {least:g}", value >= least)


def _at_most(name: str, value: float, most: float, digits: int = 1) -> Figure:
    return Figure(name, f"{value:.{digits}f}", f"at most {most:g}", value <= most)
