"""What the records of a run say: which requests failed, which went down with a killed worker, how late swaps were."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from bench.soaking.crew import Killed
from bench.soaking.records import LOST, WRONG
from bench.soaking.timeline import Timeline
from bench.stress.client import percentile

FOUND_SECONDS = 5.0  # after a kill, within which a client has found out


def judged(records: np.ndarray, timeline: Timeline, kills: Sequence[Killed], warm: int = 0) -> dict[str, Any]:
    """Counts and milliseconds; the first so many swaps count for nothing but their answers."""
    outdated = int(timeline.outdated(records).sum())
    wrong, lost = (int((records["outcome"] == one).sum()) for one in (WRONG, LOST))
    cut = cut_off(records, kills)
    delays = [1e3 * seconds for seconds in timeline.delays(records)[warm:]]
    return {
        "failed": wrong + outdated + lost - cut,
        "requests": len(records) - cut,
        "wrong": wrong,
        "outdated": outdated,
        "lost": lost - cut,
        "swaps": len(delays),
        "killed_workers": len(kills),
        "lost_with_them": cut,
        "last_old_p50_ms": round(percentile(delays, 0.5), 1),
        "last_old_p99_ms": round(percentile(delays, 0.99), 1),
        "last_old_most_ms": round(max(delays, default=0.0), 1),
    }


def cut_off(records: np.ndarray, kills: Sequence[Killed]) -> int:
    """Requests that were under way on the connections of killed workers; of each connection one, for it asks one."""
    lost = records[records["outcome"] == LOST]
    return sum(len(held(lost, one)) for one in kills)


def held(lost: np.ndarray, kill: Killed) -> set[int]:
    """The ports of lost requests that a killed worker held."""
    soon = (lost["answered"] >= kill.at) & (lost["answered"] <= kill.at + FOUND_SECONDS)
    return kill.ports.intersection(lost["port"][soon].tolist())


def grown(before: dict[str, int], after: dict[str, int]) -> dict[str, float]:
    """Both taken without any connection."""
    found: dict[str, float] = {}
    for when, one in (("before", before), ("after", after)):
        found |= {f"files_{when}": one["files"], f"threads_{when}": one["threads"]}
        found[f"megabytes_{when}"] = round(one["bytes"] / 1e6, 1)
    return found


def broken(run: dict[str, Any], most_growth: float, most_ms: float = float("inf")) -> list[str]:
    """The promises that a run has not kept; that about time only where a time is given."""
    found = []
    if run["failed"]:
        found.append(
            f"{run['failed']} requests failed: {run['wrong']} were answered wrong or not at all, {run['outdated']} by "
            f"a revision that was not live, {run['lost']} lost their connection"
        )
    if run["last_old_p99_ms"] > most_ms:
        found.append(f"the last answer of the revision before came {run['last_old_p99_ms']} ms after a swap (p99)")
    for name in ("files", "threads"):
        if run[f"{name}_after"] > run[f"{name}_before"]:
            found.append(f"{name} grew from {run[f'{name}_before']} to {run[f'{name}_after']}")
    if run["megabytes_after"] > run["megabytes_before"] * (1 + most_growth):
        found.append(f"memory grew from {run['megabytes_before']} to {run['megabytes_after']} MB")
    return found


def conclusion(run: dict[str, Any]) -> str:
    """`0 failed of 1000000`, with what was lost with killed workers, where any was killed."""
    told = f"{run['failed']} failed of {run['requests']}"
    return told + (
        f" ({run['lost_with_them']} lost with {run['killed_workers']} killed workers)" if run["killed_workers"] else ""
    )
