"""Bodies that nobody should send, in process and over HTTP: no 5xx, no crash, no growth, no long stall.

python bench/fuzz.py [--full|--small] [--check] [--bundle PATH] [--seed N]
--full tries 10,000,000 in process and 1,000,000 over HTTP, which docs/guarantees.md tells of; --small a two-hundredth
of it, else it is a fiftieth.
"""

import argparse
import asyncio
import gc
import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.stress.client import BROKEN, Asking, Reply, post
from bench.stress.worker import PAGE, Worker, bankchurn, conclude, facts, serving
from tests.serving.asking import Turns
from tests.serving.fuzzing import Bodies, asking, bodies, largest
from towpath.serving.limits import DEFAULT
from towpath.serving.model import Model, open_model
from towpath.serving.service import Service
from towpath.serving.telemetry import Telemetry

RESULTS = Path(__file__).resolve().parent / "results" / "fuzz.json"
FULL, SHARE, SMALL = (10_000_000, 1_000_000), (200_000, 20_000), (50_000, 5_000)
WARM = 0.1  # of the bodies come before memory is weighed: caches and arenas fill first
CONNECTIONS = 16
MOST_GROWTH, MOST_STALL_SECONDS = 0.05, 0.1
FINE = (200, 400, 413, 422)
CLOSES = b"\r\nConnection: close"  # after a body that is too large, for one
PATHS = ("/predict", "/predict_batch", "/explain")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true", help="all of it: about half an hour")
    parser.add_argument("--small", action="store_true", help="a few seconds")
    parser.add_argument("--check", action="store_true", help="fail where a promise is not kept")
    parser.add_argument("--bundle", default="", help="a packed bankchurn, else one is trained")
    parser.add_argument("--seed", type=int, default=42)
    given = parser.parse_args()
    here, http = FULL if given.full else SMALL if given.small else SHARE
    bundle, turns, telemetry = bankchurn(given.bundle), Turns(), Telemetry()
    service = Service("bankchurn", telemetry)
    service.install(open_model(bundle, turns.append))
    model = service.model
    assert model is not None
    began = time.monotonic()
    ask = asking(service, turns.run)
    measured = facts("fuzz.py", *["--full"] * given.full) | {
        "seed": given.seed,
        "longest_at_the_cap_ms": round(1e3 * longest(model, ask), 1),
        "in_process": in_process(ask, bodies(model.contract, given.seed), here),
    }
    with serving(bundle) as worker:
        measured["over_http"] = asyncio.run(over_http(worker, bodies(model.contract, given.seed + 1), http))
        measured["over_http"]["alive"] = worker.process.poll() is None
    measured["seconds"] = round(time.monotonic() - began)
    print("FUZZ " + json.dumps(measured))
    return conclude(measured, RESULTS if given.full else None, faults(measured), check=given.check)


def faults(measured: dict) -> list[str]:
    found = []
    for way in ("in_process", "over_http"):
        strange = {status: count for status, count in measured[way]["statuses"].items() if int(status) not in FINE}
        if strange:
            found.append(f"{way}: {strange}, promised are {', '.join(map(str, FINE))} alone")
        if measured[way]["growth"] > MOST_GROWTH:
            found.append(f"{way}: memory grew by {measured[way]['growth']:.1%}, promised are {MOST_GROWTH:.0%} at most")
    if measured["longest_at_the_cap_ms"] > 1e3 * MOST_STALL_SECONDS:
        found.append(f"a body of the largest size took {measured['longest_at_the_cap_ms']} ms")
    if not measured["over_http"]["alive"]:
        found.append("the worker is gone")
    return found


def longest(model: Model, ask) -> float:
    """Seconds of the most laborious body of the largest size: the least of three tries, as the machine has others."""
    gc.collect()
    gc.freeze()  # as a worker does
    slowest = 0.0
    for path in PATHS:
        for body in largest(model.contract, DEFAULT.body_bytes).values():
            slowest = max(slowest, min(seconds_of(ask, path, body) for _ in range(3)))
    return slowest


def seconds_of(ask, path: str, body: bytes) -> float:
    began = time.process_time()
    ask(path, body)
    return time.process_time() - began


def in_process(ask, draw: Bodies, count: int) -> dict:
    statuses: dict[int, int] = {}
    before = 0
    for i in range(count):
        if i == int(WARM * count):
            before = own_bytes()
        status = ask(*draw())
        statuses[status] = statuses.get(status, 0) + 1
    return told(count, statuses, before, own_bytes())


async def over_http(worker: Worker, draw: Bodies, count: int) -> dict:
    """Connections that ask one body after the other; one that ends is opened again, and counted as status 0."""
    statuses: dict[int, int] = {}
    asked = before = 0
    ended, opening = asyncio.Event(), []
    loop = asyncio.get_running_loop()

    def done(asking: Asking, reply: Reply) -> None:
        nonlocal before
        statuses[reply.status] = statuses.get(reply.status, 0) + 1
        answered = sum(statuses.values())
        before = before or (worker.resident_bytes() if answered >= WARM * count else 0)
        if answered >= count:
            ended.set()
        elif reply.status == BROKEN or CLOSES in reply.head:
            opening.append(loop.create_task(open_one()))
        else:
            ask(asking)

    def ask(asking: Asking) -> None:
        nonlocal asked
        if asked < count:
            asked += 1
            asking.ask(post(*draw()))

    async def open_one() -> None:
        ask((await loop.create_connection(lambda: Asking(done), "127.0.0.1", worker.port))[1])

    for _ in range(CONNECTIONS):
        await open_one()
    await ended.wait()
    return told(count, statuses, before, worker.resident_bytes())


def told(count: int, statuses: dict[int, int], before: int, after: int) -> dict:
    return {
        "bodies": count,
        "statuses": {str(status): times for status, times in sorted(statuses.items())},
        "megabytes": round(after / 1e6, 1),
        "growth": round(after / before - 1, 4),
    }


def own_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE


if __name__ == "__main__":
    sys.exit(main())
