"""The result of a load test: a table for people, the same numbers for machines, and one sentence of verdict."""

from collections.abc import Mapping, Sequence
from typing import Any

from towpath.cli.layout import columns
from towpath.cli.loadtest.stages import Breakdown
from towpath.cli.loadtest.users import Outcome, Wish
from towpath.cli.session import Result
from towpath.core.errors import Exit
from towpath.core.load import HEADROOM, Check, rule_of_thumb
from towpath.core.load_targets import LATENCIES
from towpath.core.stats import wilson_interval

HEADINGS = ("", "measured", "target", "critical", "verdict")
QUANTILES = {"p50": 0.5, **LATENCIES}


def report(
    url: str, wish: Wish, outcome: Outcome, checks: Sequence[Check], found: Breakdown | None, helps: Sequence[str],
    *, strict: bool,
) -> Result:  # fmt: skip
    """Exit code 0 within all limits, or beyond a target alone; 1 beyond a critical one; 7 with too few requests."""
    counted = outcome.counted
    head = f"POST {url}: {asked_how(wish)}"
    line = f"{counted.requests:,} requests in {counted.seconds:.1f} s, {counted.per_second:,.1f} answered a second"
    parts = [head, line, "", columns(rows(outcome, checks), "  ")]
    if counted.errors:
        parts += ["", "errors", columns(((kind, f"{times:,}") for kind, times in most_first(counted.errors)), "  ")]
    if found:
        parts += ["", breakdown_text(found, outcome.own_share)]
    parts += ["", scaling(counted.per_second, checks), *helps]
    code, refusal, hint = verdict(wish, outcome, checks, strict=strict)
    return Result(data(url, wish, outcome, checks, found, helps), "\n".join(parts), code, refusal, hint)


def most_first(errors: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(errors.items(), key=lambda one: one[1], reverse=True)


def asked_how(wish: Wish) -> str:
    length = f"{wish.requests:,} requests" if wish.requests else f"{wish.seconds:g} s"
    if wish.rate:
        return f"{wish.rate:g} requests due a second, over up to {wish.users} connections, {length}"
    return f"{wish.users} users, each asking again once it is answered, {length}"


def rows(outcome: Outcome, checks: Sequence[Check]) -> list[tuple[str, ...]]:
    latencies, judged = outcome.counted.latencies, {check.name: check for check in checks}
    table: list[tuple[str, ...]] = [HEADINGS]
    for name, share in QUANTILES.items():
        cell = duration(latencies.quantile(share))
        table.append(judged_row(judged[name], cell, duration) if name in judged else (name, cell))
    table.append(("max", duration(latencies.largest)))
    errors = judged["errors"]
    table.append(
        judged_row(errors, f"{errors.measured:.3%}", lambda share: f"{share:g}" if not share else percent(share))
    )
    table.append(judged_row(judged["rps"], f"{judged['rps'].measured:,.1f}", lambda rate: f"{rate:,g}", ">"))
    return table


def judged_row(check: Check, measured: str, write: Any, sign: str = "<") -> tuple[str, ...]:
    limits = [f"{sign} {write(limit)}" for limit in (check.limit.target, check.limit.critical)]
    told = f"{check.verdict} (needs {check.needed:,})" if check.verdict == "too few" else check.verdict
    return check.name, measured, *limits, told


def duration(seconds: float) -> str:
    """`0.42 ms`, `12.3 ms`, `1.52 s`"""
    if seconds >= 1:
        return f"{seconds:.3g} s"
    return f"{seconds * 1e3:.3g} ms"


def percent(share: float) -> str:
    return f"{share * 100:.3g}%"


def breakdown_text(found: Breakdown, own_share: float) -> str:
    whole = sum(found.stages.values()) or 1.0
    lines = [(name, duration(seconds), f"{seconds / whole:.0%}") for name, seconds in found.stages.items()]
    together = [f"{found.rows_a_run:.1f} rows in a run of the model"] if found.rows_a_run else []
    who = "the worker" if found.workers == 1 else f"each of {found.workers} workers"
    said = [f"{who} used {found.busy:.0%} of a processor", f"this load generator {own_share:.0%}", *together]
    return f"where the {duration(whole)} of the mean request go\n{columns(lines, '  ')}\n  {', '.join(said)}"


def scaling(per_second: float, checks: Sequence[Check]) -> str:
    """The rule of thumb, and beside it what was measured here."""
    thumb = f"scaling: the rule of thumb for {per_second:,.0f} a second is {rule_of_thumb(per_second)} instances"
    if any(check.verdict == "broken" for check in checks):
        return f"{thumb}; what is there broke a limit at it, so it takes more"
    return f"{thumb}; what is there answered them, so plan it for {HEADROOM * per_second:,.0f} a second"


def verdict(wish: Wish, outcome: Outcome, checks: Sequence[Check], *, strict: bool) -> tuple[Exit, str, str]:
    """The exit code, why it is none of success, and what to try."""
    by = {kind: [check for check in checks if check.verdict == kind] for kind in ("broken", "warning", "too few")}
    if outcome.interrupted:
        return Exit.INTERRUPTED, f"interrupted after {outcome.counted.seconds:.1f} s; so far it is as above", ""
    if by["broken"]:
        return Exit.FAILED, f"critical limits are broken: {listed(by['broken'], 'critical')}", ""
    if by["too few"]:
        fewest = max(check.needed for check in by["too few"])
        names = ", ".join(check.name for check in by["too few"])
        told = f"{outcome.counted.requests:,} requests are too few to tell about {names}"
        return Exit.INCONCLUSIVE, f"{told}; {fewest:,} are needed", longer(wish, outcome, fewest)
    if by["warning"] and strict:
        return Exit.FAILED, f"targets are missed: {listed(by['warning'], 'target')}", ""
    return Exit.DONE, "", ""


def warning(checks: Sequence[Check]) -> str:
    """What is to be said where targets are missed and nothing critical is broken; "" where none are."""
    missed = [check for check in checks if check.verdict == "warning"]
    return f"warning: targets are missed: {listed(missed, 'target')}" if missed else ""


def listed(checks: Sequence[Check], which: str) -> str:
    return ", ".join(f"{check.name} {shown(check, check.measured)} (limit {shown(check, getattr(check.limit, which))})"
                     for check in checks)  # fmt: skip


def shown(check: Check, value: float) -> str:
    if check.name in LATENCIES:
        return duration(value)
    return percent(value) if check.name == "errors" else f"{value:,.4g}"


def longer(wish: Wish, outcome: Outcome, fewest: int) -> str:
    if wish.requests:
        return f"--requests {fewest}"
    pace = outcome.counted.requests / max(outcome.counted.seconds, 1e-9)
    return f"--seconds {int(1.2 * fewest / pace) + 1}" if pace else "is anything answered there at all?"


def data(
    url: str, wish: Wish, outcome: Outcome, checks: Sequence[Check], found: Breakdown | None, helps: Sequence[str]
) -> dict[str, Any]:
    counted, latencies = outcome.counted, outcome.counted.latencies
    return {
        "url": url,
        "loop": "open" if wish.rate else "closed",
        "users": wish.users,
        "rate": wish.rate or None,
        "seconds": round(counted.seconds, 3),
        "interrupted": outcome.interrupted,
        "requests": counted.requests,
        "errors": dict(counted.errors),
        "errors_at_most": round(wilson_interval(counted.failed, counted.requests)[1], 6) if counted.requests else None,
        "rps": round(counted.per_second, 1),
        "latency_ms": {
            **{name: round(latencies.quantile(share) * 1e3, 3) for name, share in QUANTILES.items()},
            "max": round(latencies.largest * 1e3, 3),
            "mean": round(latencies.mean * 1e3, 3),
        },
        "checks": [checked(check) for check in checks],
        "stages_ms": {name: round(value * 1e3, 4) for name, value in found.stages.items()} if found else None,
        "worker_processor_share": round(found.busy, 3) if found else None,
        "own_processor_share": round(outcome.own_share, 3),
        "instances_by_rule_of_thumb": rule_of_thumb(counted.per_second),
        "helps": list(helps),
    }


def checked(check: Check) -> dict[str, Any]:
    """Durations in milliseconds."""
    factor = 1e3 if check.name in LATENCIES else 1.0
    values = {"measured": check.measured, "target": check.limit.target, "critical": check.limit.critical}
    told = {name: round(value * factor, 6) for name, value in values.items()}
    return {"name": check.name, **told, "verdict": check.verdict, **({"needed": check.needed} if check.needed else {})}
