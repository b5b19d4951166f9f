"""Two workers on one port: how they share the requests of 32 connections, and what a request costs them.

python bench/workers.py [--small] [--check] [--bundle PATH]        # needs wrk
--check fails where a worker of two gets less than 30 % of the requests, or a request takes two workers with 32
connections more than 1.1 times the processor time that it takes one with 16: as many each. One worker with all 32 is
told beside: what arrives in one turn of a loop goes through the model together, so larger crowds are cheaper. That
needs a quiet machine.
"""

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.racing.load import Driver
from bench.stress.client import customers
from bench.stress.worker import ROOT, bankchurn, conclude, facts

RESULTS = Path(__file__).resolve().parent / "results" / "workers.json"
CONNECTIONS = 32
ROUNDS = 5  # each opens its connections anew: the kernel deals them out by their ports
LEAST_SHARE = 0.30
MOST_COST = 1.1
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Crew:
    """A supervisor whose workers are all ready."""

    process: subprocess.Popen[str]
    port: int
    pids: list[int] = field(default_factory=list)

    def cpu_seconds(self) -> float:
        """Processor time that its workers have used."""
        return sum(map(cpu_seconds, self.pids))

    def answered(self) -> list[int]:
        """How many requests each worker has answered."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics") as reply:
            lines = reply.read().decode().splitlines()
        return [int(line.rpartition(" ")[2]) for line in lines if line.startswith("towpath_process_requests_total{")]


@dataclass
class Round:
    """What each worker answered meanwhile, and what it took them."""

    answered: list[int]
    per_second: float
    cpu_seconds: float
    refused: int

    @property
    def cost(self) -> float:
        """Microseconds of processor time of a request."""
        return 1e6 * self.cpu_seconds / sum(self.answered)

    @property
    def least_share(self) -> float:
        return min(self.answered) / sum(self.answered)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--small", action="store_true", help="two short rounds")
    parser.add_argument("--check", action="store_true", help="fail where a promise is not kept")
    parser.add_argument("--bundle", default="", help="a packed bankchurn, else one is trained")
    given = parser.parse_args()
    bundle = bankchurn(given.bundle)
    rounds, seconds = (2, 1.0) if given.small else (ROUNDS, 5.0)
    with tempfile.TemporaryDirectory() as folder, supervising(bundle, 1) as one, supervising(bundle, 2) as two:
        bodies = [json.dumps(one).encode() for one in customers(200)]
        driver = Driver(Path(folder), "predict", "/predict", bodies)
        resident = resident_bytes(two.process.pid)
        found = [
            (
                measure(one, driver, CONNECTIONS, seconds),
                measure(one, driver, CONNECTIONS // 2, seconds),
                measure(two, driver, CONNECTIONS, seconds),
            )
            for _ in range(rounds)
        ]
    told = summed_up(*map(list, zip(*found, strict=True)), resident)
    print(table(told))
    return conclude(facts("workers.py") | told, None if given.small else RESULTS, list(broken(told)), check=given.check)


@contextmanager
def supervising(bundle: Path, workers: int) -> Iterator[Crew]:
    command = [sys.executable, "-m", "towpath.serving", str(bundle), "--port", "0", "--workers", str(workers)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
    try:
        crew = Crew(process, 0)
        for line in process.stderr or ():
            told = json.loads(line)
            crew.port = told["port"] if told["event"] == "supervising" else crew.port
            crew.pids += [told["pid"]] if told["event"] == "worker_ready" else []
            if len(crew.pids) == workers:
                break
        yield crew
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate()


def measure(crew: Crew, driver: Driver, connections: int, seconds: float) -> Round:
    driver.drive(crew.port, connections, 1.0)  # warm
    before, used = crew.answered(), crew.cpu_seconds()
    load = driver.drive(crew.port, connections, seconds)
    used = crew.cpu_seconds() - used
    answered = [after - earlier for after, earlier in zip(crew.answered(), before, strict=True)]
    return Round(answered, load.per_second, used, load.refused)


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def resident_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def summed_up(crowded: list[Round], alone: list[Round], both: list[Round], resident: int) -> dict[str, float]:
    """Medians over the rounds; of the smaller shares the smallest too."""
    shares = [one.least_share for one in both]
    rounds = {"one_crowded": crowded, "one": alone, "two": both}
    costs = {name: statistics.median(one.cost for one in found) for name, found in rounds.items()}
    rates = {name: statistics.median(one.per_second for one in found) for name, found in rounds.items()}
    return {
        "connections": CONNECTIONS,
        "rounds": len(both),
        "refused": sum(one.refused for one in (*crowded, *alone, *both)),
        **{f"requests_per_second_of_{name}": round(rate) for name, rate in rates.items()},
        **{f"cpu_microseconds_of_{name}": round(cost, 2) for name, cost in costs.items()},
        "cost_ratio": round(costs["two"] / costs["one"], 3),
        "cost_ratio_to_crowded": round(costs["two"] / costs["one_crowded"], 3),
        "least_share": round(statistics.median(shares), 3),
        "smallest_share": round(min(shares), 3),
        "supervisor_megabytes": round(resident / 1e6, 1),
    }


def table(told: dict[str, float]) -> str:
    share = f"{told['least_share']:.0%}"
    shown = [("one_crowded", 1, CONNECTIONS, ""), ("one", 1, CONNECTIONS // 2, ""), ("two", 2, CONNECTIONS, share)]
    rows: list[tuple[object, ...]] = [("workers", "connections", "requests/s", "CPU us a request", "smaller share")]
    rows += [
        (many, held, told[f"requests_per_second_of_{name}"], told[f"cpu_microseconds_of_{name}"], least)
        for name, many, held, least in shown
    ]
    lines = ["  ".join(str(cell).rjust(16) for cell in row) for row in rows]
    ending = ("least_share", "cost_ratio", "cost_ratio_to_crowded", "supervisor_megabytes")
    return "\n".join([*lines, "WORKERS " + " ".join(f"{name}={told[name]}" for name in ending)])


def broken(told: dict[str, float]) -> Iterator[str]:
    if told["least_share"] < LEAST_SHARE:
        yield f"MISSED one of two workers gets {told['least_share']:.0%}, promised are {LEAST_SHARE:.0%}"
    if told["cost_ratio"] > MOST_COST:
        yield f"MISSED a request costs two workers {told['cost_ratio']} times one worker's, promised is {MOST_COST}"
    if told["refused"]:
        yield f"MISSED {told['refused']} requests were refused"


if __name__ == "__main__":
    sys.exit(main())
