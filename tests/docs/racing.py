"""The parts of docs/performance.md: what bench/serving.py and bench/microseconds.py measured last."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from bench.racing import results, table
from bench.racing.verdicts import Servers, Verdict, speed, verdicts
from tests.docs.pages import ROOT

RACE = ROOT / "bench" / "results" / "serving.json"
MICROSECONDS = ROOT / "bench" / "results" / "microseconds.json"
PEER = "peer-"
NOT_YET = "Not measured yet: `{}`."


def promises() -> str:
    """Every figure that is promised, with what was measured."""
    cases = results.servers_of(results.read(RACE))
    if not cases:
        return NOT_YET.format("python bench/serving.py")
    rows = [row for verdict in verdicts(cases) for row in _figures(verdict)]
    return _markdown(("what", "measured", "promised", ""), rows)


def _figures(verdict: Verdict) -> Iterator[tuple[str, ...]]:
    for figure in verdict.figures:
        if figure.shown != "-":
            kept = ("kept" if figure.kept else "**missed**") if figure.promised else ""
            yield f"`{verdict.line} {figure.name}`: {verdict.about}", figure.shown, figure.promised, kept


def race() -> str:
    """All samples' medians, and the picture."""
    whole = results.read(RACE)
    cases = results.servers_of(whole)
    if not cases:
        return NOT_YET.format("python bench/serving.py")
    picture = "![Requests a second on one core](../bench/results/serving.svg)"
    return f"{_runs(whole)}\n\n{picture}\n\n{table.markdown(cases)}"


def peers() -> str:
    """The ready-made servers beside ours, fastest first."""
    cases = results.servers_of(results.read(RACE))
    if not any(name.startswith(PEER) for name in cases):
        return NOT_YET.format("make bench-peers")
    speeds = [(name.removeprefix(PEER), _only(servers)) for name, servers in cases.items() if name.startswith(PEER)]
    speeds += [("Towpath, four fields", speed(cases["bankchurn-four"], "ours"))] if "bankchurn-four" in cases else []
    fastest = sorted(speeds, key=lambda one: -one[1])
    return _markdown(("server", "requests/s"), [(name, f"{reached:,.0f}") for name, reached in fastest])


def microseconds() -> str:
    if not MICROSECONDS.exists():
        return NOT_YET.format("python bench/microseconds.py")
    run = json.loads(MICROSECONDS.read_text(encoding="utf-8"))
    titles = ["part, in microseconds a request"]
    titles += [f"{answer}, {crowd}" for answer in run["answers"] for crowd in ("1 connection", "32")]
    first, *others = run["answers"].values()
    rows = [(part, *_micros(part, [first, *others])) for part in first]
    return f"{_run(run)}\n\n{_markdown(titles, rows)}"


def _micros(part: str, answers: list[dict[str, dict[str, float]]]) -> list[str]:
    return [f"{told[part][crowd]:.1f}" for told in answers for crowd in ("one", "crowd")]


def _only(servers: Servers) -> float:
    return speed(servers, next(iter(servers)))


def _runs(whole: Mapping[str, Any]) -> str:
    """Of one run, or of several."""
    runs = dict.fromkeys(_run(case) for case in whole["cases"].values())
    return "\n".join(runs) if len(runs) == 1 else "\n".join(f"- {one}" for one in runs)


def _run(told: Mapping[str, Any]) -> str:
    rounds = f", {told['rounds']} rounds" if "rounds" in told else ""
    return f"`{told['command']}`, {told['date']}, commit `{told['commit']}`{rounds}."


def _markdown(titles: Any, rows: Any) -> str:
    lines = [titles, ["---"] * len(titles), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


PARTS = {"promises": promises, "race": race, "peers": peers, "microseconds": microseconds}
