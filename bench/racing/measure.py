"""The race itself: every round starts every server anew and takes them in turn; a busy moment hits all alike."""

import contextlib
import resource
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from bench.racing.agreement import agree
from bench.racing.cases import Case
from bench.racing.load import Driver, Load
from bench.racing.servers import Running, Server, ask, busy_seconds, cpu_seconds, started

WARM_SECONDS, SAMPLE_SECONDS = 1.0, 2.0
QUIET = 0.12  # of a core for others, up to which a sample counts as undisturbed
COUNTED = b'towpath_requests_total{service="bankchurn",route="/predict",status="200"}'

Measured = dict[str, dict[str, list[dict[str, Any]]]]
"""Case to server to its samples, as plain data."""


@dataclass(frozen=True)
class Sample:
    """One server under load once. cold_ms: from exec to its first right answer to a prediction.

    others: share of a core that processes took meanwhile which have nothing to do with it.
    """

    load: Load
    cpu_us: float
    rss_mb: float
    cold_ms: float
    others: float


def race(cases: Sequence[Case], rounds: int, work: Path) -> Measured:
    """Let all cases be sampled so many times. Raises Disagreement before anything is measured."""
    ready = [replace(case, question=agree(case.servers, case.path, case.agreed) if case.agreed else case.question)
             for case in cases]  # fmt: skip
    drivers = {case.name: Driver(work / "load", case.name, case.path, case.bodies) for case in ready}
    found: dict[str, dict[str, list[dict[str, Any]]]] = defaultdict(lambda: defaultdict(list))
    for turn in range(rounds):
        for case in ready:
            for server in case.servers * case.turns:
                sample = _measure(server, drivers[case.name], case)
                found[case.name][server.name].append(asdict(sample))
                print(f"round {turn + 1} {case.name} {server.name}: {sample.load.per_second:.0f}/s", file=sys.stderr)
    return {case: dict(servers) for case, servers in found.items()}


def disturbed(measured: Measured) -> str:
    """How many samples other processes disturbed; empty where none."""
    shares = [sample["others"] for servers in measured.values() for samples in servers.values() for sample in samples]
    many = sum(share > QUIET for share in shares)
    return f"{many} of {len(shares)} samples were disturbed: others took over {QUIET:.0%} of a core" if many else ""


def _measure(server: Server, driver: Driver, case: Case) -> Sample:
    with started(server, case.question) as running:
        driver.drive(running.port, case.connections, WARM_SECONDS)
        with case.beside.driving(running.port, 1) if case.beside else contextlib.nullcontext(0) as beside:
            before, began = running.weigh(), _spent(beside)
            load = driver.drive(running.port, case.connections, SAMPLE_SECONDS)
            after, ended = running.weigh(), _spent(beside)
        _refuse_wrong_counting(server, running)
    used = after.cpu_seconds - before.cpu_seconds
    others = max(ended - began - used, 0.0) / SAMPLE_SECONDS
    return Sample(load, used / load.requests * 1e6, after.rss_mb, running.cold_seconds * 1000, round(others, 3))


def _spent(beside: int) -> float:
    """Seconds of CPU of everybody but ourselves and the load generators."""
    ours = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    driven = sum(one.ru_utime + one.ru_stime for one in ours) + (cpu_seconds(beside) if beside else 0.0)
    return busy_seconds() - driven


def _refuse_wrong_counting(server: Server, running: Running) -> None:
    """`bare` must have counted nothing, or what is told of telemetry's cost is wrong. Raises RuntimeError."""
    if server.name != "bare":
        return
    told = ask(running.port, "/metrics")[1]
    if any(line.startswith(COUNTED) and not line.endswith(b" 0") for line in told.splitlines()):
        raise RuntimeError("bench/racing/bare.py no longer switches telemetry off")
