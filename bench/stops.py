"""Stops workers that clients ask and stuck ones hold: nothing under way is lost, and all is over in 8 s.

python bench/stops.py [--small] [--stops N] [--check] [--bundle PATH]       # 200 stops, by SIGTERM and by SIGINT
Half of them are of a worker alone, half of a supervisor with two. --check fails where a request that had been sent
before the signal is not answered with 200, where a process is there after 8 s, or its exit code is not 0.
"""

import argparse
import asyncio
import json
import os
import signal
import sys
from collections import Counter
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from time import perf_counter
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.soaking.crew import state
from bench.soaking.stuck import hold
from bench.stress.client import Asking, Reply, batches, percentile, singles
from bench.stress.worker import ROOT, bankchurn, conclude, facts

RESULTS = Path(__file__).resolve().parent / "results" / "stops.json"
STOPS, SMALL = 200, 8
AT_ONCE = 8  # most of a stop is waiting
ASKING = {"single": 6, "batch": 2}  # clients that ask on and on, and so many more that come at the last moment
ROWS = 50  # of a batch
ASKED_SECONDS = 0.2  # before the signal
PAUSE_SECONDS = 0.005  # between two questions: others are stopped at the same time
MOST_SECONDS = 8.0
PATIENCE_SECONDS = 30.0


@dataclass
class Stopped:
    """How one stop went."""

    supervised: bool
    seconds: float = float("inf")
    code: int | None = None
    under_way: Counter[int] = field(default_factory=Counter)  # by status, 0 where there was no answer
    later: Counter[int] = field(default_factory=Counter)  # asked after the signal
    left: int = 0  # processes that were there after all


class Clients:
    """Ask until they are told that the connection ends; what was asked before the signal is under way at it."""

    def __init__(self, port: int):
        self._port, self.signalled_at = port, float("inf")
        self.answered = 0
        self.under_way, self.later = Counter[int](), Counter[int]()  # by status, 0 where no answer came
        self._open = 0
        self._sources = {"single": cycle(singles()), "batch": cycle(batches(ROWS, 5))}

    async def begin(self) -> None:
        loop = asyncio.get_running_loop()
        for kind, many in ASKING.items():
            for _ in range(many):
                source = self._sources[kind]
                _, one = await loop.create_connection(
                    lambda source=source: Asking(lambda asking, reply: self._done(asking, reply, source)),
                    "127.0.0.1",
                    self._port,
                )
                self._open += 1
                one.ask(next(source))

    async def all_answered(self) -> None:
        """Each of them once."""
        while self.answered < sum(ASKING.values()):
            await asyncio.sleep(0.01)

    async def end(self) -> None:
        """When all are answered or cut off."""
        while self._open:
            await asyncio.sleep(0.01)

    def _done(self, asking: Asking, reply: Reply, source: Any) -> None:
        self.answered += 1
        if perf_counter() > self.signalled_at:
            asked = perf_counter() - reply.seconds
            (self.under_way if asked < self.signalled_at else self.later)[reply.status] += 1
        if not asking.alive or b"\r\nConnection: close" in reply.head:
            self._open -= 1
            asking.transport.close()
        else:
            asyncio.get_running_loop().call_later(PAUSE_SECONDS, self._ask, asking, source)

    def _ask(self, asking: Asking, source: Any) -> None:
        if asking.alive:
            asking.ask(next(source))
        else:  # closed between two questions: nothing is lost
            self._open -= 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--small", action="store_true", help=f"{SMALL} stops")
    parser.add_argument("--stops", type=int, default=STOPS)
    parser.add_argument("--check", action="store_true", help="fail where a promise is not kept")
    parser.add_argument("--bundle", default="", help="a packed bankchurn, else one is trained")
    given = parser.parse_args()
    stops = min(given.stops, SMALL) if given.small else given.stops
    measured = summed_up(asyncio.run(stop_all(bankchurn(given.bundle), stops)))
    print("STOPS " + " ".join(f"{name}={value}" for name, value in measured.items()))
    results = RESULTS if stops >= STOPS else None
    return conclude(facts("stops.py") | measured, results, broken(measured), check=given.check)


async def stop_all(bundle: Path, stops: int) -> list[Stopped]:
    room = asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> Stopped:
        async with room:
            return await stop(bundle, number % 2 == 1, (signal.SIGTERM, signal.SIGINT)[number // 2 % 2])

    return await asyncio.gather(*map(one, range(stops)))


async def stop(bundle: Path, supervised: bool, number: int) -> Stopped:
    """Start, ask, hold, signal, and wait for the end."""
    words = ["--workers", "2"] if supervised else []
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "towpath.serving", str(bundle), "--port", "0", *words),
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    try:
        port, pids = await asyncio.wait_for(started(process, supervised), PATIENCE_SECONDS)
        reading = asyncio.create_task(process.stderr.read())
        clients, found = Clients(port), Stopped(supervised)
        stuck = await hold(port)
        await clients.begin()
        await asyncio.wait_for(clients.all_answered(), PATIENCE_SECONDS)
        await asyncio.sleep(ASKED_SECONDS)
        await clients.begin()  # these wait to be let in when the signal comes
        clients.signalled_at = perf_counter()
        process.send_signal(number)
        found.code = await asyncio.wait_for(process.wait(), PATIENCE_SECONDS)
        found.seconds = perf_counter() - clients.signalled_at
        found.left = sum(state(pid) not in ("", "Z") for pid in pids)
        await asyncio.wait_for(clients.end(), PATIENCE_SECONDS)
        found.under_way, found.later = clients.under_way, clients.later
        stuck.let_go()
        await reading
        return found
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def started(process: asyncio.subprocess.Process, supervised: bool) -> tuple[int, list[int]]:
    """The port, and all processes."""
    port, pids = 0, [process.pid]
    while line := await process.stderr.readline():
        told = json.loads(line)
        if told["event"] in ("serving", "supervising"):
            port = port or told["port"]
        pids += [told["pid"]] if told["event"] == "worker_ready" else []
        if port and len(pids) == (3 if supervised else 1):
            return port, pids
    raise RuntimeError(f"it ended with {await process.wait()}")


def summed_up(stops: list[Stopped]) -> dict[str, Any]:
    seconds = [one.seconds for one in stops]
    under_way, later = (sum((getattr(one, name) for one in stops), Counter()) for name in ("under_way", "later"))
    return {
        "stops": len(stops),
        "supervised": sum(one.supervised for one in stops),
        "failed": under_way.total() - under_way[200],
        "under_way": under_way.total(),
        "asked_later": later.total(),
        "of_these_failed": later.total() - later[200],
        "exit_codes": sorted({one.code for one in stops}),
        "left": sum(one.left for one in stops),
        "seconds_p50": round(percentile(seconds, 0.5), 2),
        "seconds_most": round(max(seconds), 2),
    }


def broken(measured: dict[str, Any]) -> list[str]:
    found = []
    if measured["failed"]:
        found.append(f"{measured['failed']} of {measured['under_way']} requests under way were not answered")
    if measured["seconds_most"] > MOST_SECONDS:
        found.append(f"a stop took {measured['seconds_most']} s, promised are {MOST_SECONDS}")
    if measured["left"] or measured["exit_codes"] != [0]:
        found.append(f"{measured['left']} processes were left; exit codes are {measured['exit_codes']}")
    return found


if __name__ == "__main__":
    sys.exit(main())
