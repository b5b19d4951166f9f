"""Where the time of requests goes, as a worker counts it: its /metrics before and after, and what would help."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from towpath.cli.loadtest.aim import PREDICT, Aim
from towpath.core.errors import TowpathError

SERIES = re.compile(r"(\w+)(?:\{(.*)\})? (\S+)")
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
ROUTES = {"/batch-predict": "/predict_batch", "/predict/batch": "/predict_batch", "/infer": "/v2/models/infer"}
KNOWN = (PREDICT, "/predict_batch", *ROUTES, "/explain")
BUSY = 0.85  # of a processor, from which on requests wait for it
MOST_OTHERS = 0.05  # share of the worker's requests that may not be ours
NAMES = {"wait": "waiting for the model", "read": "reading", "queue": "waiting for the model", "model": "in the model"}
OUTSIDE, REST = "outside the worker", "answering"
WAITING = "waiting for the model"


@dataclass(frozen=True)
class Told:
    """What a worker has counted at one moment, all its workers summed up: requests and the seconds they took."""

    requests: float = 0.0
    seconds: float = 0.0
    stages: Mapping[str, float] = field(default_factory=dict)
    runs: float = 0.0
    run_seconds: float = 0.0
    run_rows: float = 0.0
    cpu_seconds: float = 0.0
    workers: int = 1


@dataclass(frozen=True)
class Breakdown:
    """Mean seconds of a request by stage, in the order in which it goes through them.

    busy: the share of a processor that each worker used.
    """

    requests: int
    stages: dict[str, float]
    rows_a_run: float
    busy: float
    workers: int = 1


def ask_worker(aim: Aim) -> Told | None:
    """What the worker behind an endpoint has counted; None where it is no Towpath worker, or does not tell here."""
    prefix, route = endpoint(aim.path)
    try:
        status, body = aim.server.ask("GET", f"{prefix}/metrics")
    except TowpathError:
        return None
    text = body.decode(errors="replace")
    return read_told(text, prefix.lstrip("/"), route) if status == 200 and "towpath_requests_total" in text else None


def endpoint(path: str) -> tuple[str, str]:
    """`/iris/batch-predict` as ("/iris", "/predict_batch"): where a service is, and what its worker calls the route."""
    bare = path.partition("?")[0].rstrip("/")
    for known in sorted(KNOWN, key=len, reverse=True):
        if bare.endswith(known):
            prefix = bare.removesuffix(known).partition("/v2/models")[0]
            return prefix, ROUTES.get(known, known)
    return bare.rpartition("/")[0], PREDICT


def read_told(text: str, service: str, route: str) -> Told:
    """Of a service, or of all where none is named; whatever other labels series have, they add up."""
    of = {"service": service} if service else {}
    at = {**of, "route": route}
    stages: dict[str, float] = {}
    for labels, value in series(text, "towpath_stage_seconds_total", **of):
        stages[labels["stage"]] = stages.get(labels["stage"], 0.0) + value
    return Told(
        requests=total(text, "towpath_request_duration_seconds_count", **at),
        seconds=total(text, "towpath_request_duration_seconds_sum", **at),
        stages=stages,
        runs=total(text, "towpath_model_run_seconds_count", **of),
        run_seconds=total(text, "towpath_model_run_seconds_sum", **of),
        run_rows=total(text, "towpath_model_run_rows_sum", **of),
        cpu_seconds=total(text, "towpath_process_cpu_seconds_total"),
        workers=int(total(text, "towpath_workers_ready")) or 1,  # a supervisor tells it; without one it is alone
    )


def series(text: str, name: str, **labels: str) -> Iterator[tuple[dict[str, str], float]]:
    """The labels and values of every series of that name which has these labels."""
    for line in text.splitlines():
        if line.startswith(name) and (found := SERIES.fullmatch(line)) and found[1] == name:
            own = dict(LABEL.findall(found[2] or ""))
            if all(own.get(label) == value for label, value in labels.items()):
                yield own, float(found[3])


def total(text: str, name: str, **labels: str) -> float:
    return sum(value for _, value in series(text, name, **labels))


def break_down(before: Told, after: Told, mean_seconds: float, elapsed: float) -> Breakdown | None:
    """Where a request's mean seconds went between two looks; None where the worker answered nothing meanwhile."""
    requests = after.requests - before.requests
    if requests <= 0:
        return None
    inside = (after.seconds - before.seconds) / requests
    runs, ran = after.runs - before.runs, after.run_seconds - before.run_seconds
    stages = {OUTSIDE: max(0.0, mean_seconds - inside)}
    for stage, seconds in after.stages.items():
        name = NAMES.get(stage, stage)
        stages[name] = stages.get(name, 0.0) + (seconds - before.stages.get(stage, 0.0)) / requests
    if not after.stages and runs:
        # An older worker counts runs alone: each of the rows that it ran together waited for the whole of it.
        stages[NAMES["model"]] = min(inside, ran / runs)
    stages[REST] = max(0.0, inside - sum(seconds for name, seconds in stages.items() if name != OUTSIDE))
    rows = (after.run_rows - before.run_rows) / runs if runs else 0.0
    busy = (after.cpu_seconds - before.cpu_seconds) / elapsed / after.workers
    return Breakdown(int(requests), stages, rows, max(0.0, busy), after.workers)


def advice(found: Breakdown, asked: int, own_share: float, troubled: bool) -> list[str]:
    """What to know of the numbers, and where a limit is not kept, what would help."""
    told = list(_doubts(found, asked, own_share))
    return [*told, *_helps(found, own_share)] if troubled else told


def _doubts(found: Breakdown, asked: int, own_share: float) -> Iterator[str]:
    if own_share > BUSY:
        yield (
            f"this load generator itself took {own_share:.0%} of a processor, so latencies hold its own waits: "
            "fewer --users, or a --rate, shows the server alone"
        )
    if abs(found.requests - asked) > MOST_OTHERS * max(found.requests, asked):
        yield (
            f"the worker that told counted {found.requests:,} requests and this test sent {asked:,}: others ask it "
            "too, or others beside it answered"
        )


def _helps(found: Breakdown, own_share: float) -> Iterator[str]:
    largest = max(found.stages, key=lambda name: found.stages[name])
    if largest == OUTSIDE and own_share <= BUSY and found.busy <= BUSY:
        yield "most of the time is outside the worker: the network, a proxy, or a machine that is busy otherwise"
    if largest == NAMES["model"]:
        yield (
            "most of the time is in the model: a smaller one helps, and so do batches (/predict_batch), since rows "
            "that run together cost less each; where the same records come again, so does towpath serve --remember"
        )
    if largest == WAITING:
        yield "most of the time requests wait for each other: more workers help (towpath serve --workers)"
    elif found.busy > BUSY:
        yield "the worker is always busy, and requests wait to be read: more workers help (towpath serve --workers)"
