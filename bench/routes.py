"""1, 10 and 100 bundles in one worker: the memory and the seconds that each takes, and how long a swap takes.

python bench/routes.py [--small] [--check] [--bundle PATH]
Each bundle is of a service of its own with a routes file of its own: one BankChurn, packed under many names. A swap is
timed from the file in place to the word of the worker and to the first answer of the new revision: warm where that one
is in memory, cold where its bundle must be verified, opened and golden-checked first. --check fails where memory or
start-up does not grow in a straight line; that needs a quiet machine.
"""

import argparse
import json
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from msgspec import structs

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.soaking.crew import Crew, changed_at, resident_bytes, serving
from bench.soaking.releases import SERVICE
from bench.stress.client import LENGTH, customers, post
from bench.stress.worker import bankchurn, conclude, facts
from tests.serving.routed import Site, site
from towpath.bundle.read import read_bundle
from towpath.bundle.write import write_bundle
from towpath.core import formats

RESULTS = Path(__file__).resolve().parent / "results" / "routes.json"
COUNTS, SMALL = (1, 10, 25, 50, 75, 100), (1, 4, 8)
WARM, COLD = 20, 5  # swaps of each kind
REST_SECONDS = 0.5  # after start-up
LEAST_FIT = 0.98
PATIENCE_SECONDS = 60.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--small", action="store_true", help=f"{SMALL} bundles")
    parser.add_argument("--check", action="store_true", help="fail where growth is not linear")
    parser.add_argument("--bundle", default="", help="a packed bankchurn, else one is trained")
    given = parser.parse_args()
    bundle, rows = bankchurn(given.bundle), []
    for count in SMALL if given.small else COUNTS:
        with tempfile.TemporaryDirectory(prefix="towpath-routes-") as folder:
            rows.append(measure(Path(folder), bundle, count))
    measured = {"fits": fits(rows), "results": rows}
    print(table(rows) + "\nROUTES " + json.dumps(measured["fits"]))
    told = facts("routes.py") | measured
    return conclude(told, None if given.small else RESULTS, broken(measured["fits"]), check=given.check)


def measure(folder: Path, bundle: Path, count: int) -> dict[str, float]:
    """A worker with so many services, one of which is swapped."""
    sites = [packed(folder, bundle, number) for number in range(1, count + 1)]
    words = [word for here in sites for word in ("--routes", here.path)]
    began = time.monotonic()
    with serving(words, 0, folder / "acknowledged") as crew:
        started = time.monotonic() - began
        time.sleep(REST_SECONDS)
        resident = resident_bytes(crew.process.pid)
        swaps = Swaps(sites[0], crew, f"/{SERVICE}-1/predict" if count > 1 else "/predict")
        cold = [swaps.to(number) for number in range(2, 2 + COLD)]
        warm = [swaps.to(2 + turn % 2) for turn in range(WARM)]
    return {
        "bundles": count,
        "megabytes": round(resident / 1e6, 2),
        "start_seconds": round(started, 3),
        **{f"{name}_{what}_ms": middle(found, what) for name, found in (("warm", warm), ("cold", cold))
           for what in ("acknowledged", "answered")},
    }  # fmt: skip


def packed(folder: Path, bundle: Path, number: int) -> Site:
    """The routes of a service of that number: its bundle has another contract, so another id."""
    source = read_bundle(bundle)
    named = structs.replace(source.contract, service=f"{SERVICE}-{number}")
    files = source.files | {"contract.json": formats.canonical(named)}
    here = site(folder, write_bundle(named.service, files, folder / "sources")[1])
    here.write({1: 100})
    return here


@dataclass(frozen=True)
class Swap:
    """Seconds from the file in place to the worker's word, and to the first answer of the new revision."""

    acknowledged: float
    answered: float


class Swaps:
    """Writes in a thread, since a write waits for the disk, and asks all the while on one connection."""

    def __init__(self, here: Site, crew: Crew, path: str):
        self._here, self._crew = here, crew
        self._writer = ThreadPoolExecutor(1)
        self._asking = socket.create_connection(("127.0.0.1", crew.port), timeout=PATIENCE_SECONDS)
        self._request = post(path, json.dumps(customers(1)[0]).encode())

    def to(self, number: int) -> Swap:
        """All traffic of the service to this revision."""
        writing = self._writer.submit(self._write, number)
        acknowledged = answered = 0.0
        name, generation = self._here.live().name, self._here.generation + 1
        wanted, until = f"{name}#{number}".encode(), time.monotonic() + PATIENCE_SECONDS
        while not (acknowledged and answered):
            if not answered and self._who() == wanted:
                answered = time.monotonic()
            if not acknowledged and self._crew.act_upon(name, generation):
                acknowledged = time.monotonic()
            if time.monotonic() > until:
                raise TimeoutError(f"{name} does not come to generation {generation}: {''.join(self._crew.last)}")
        placed = writing.result()
        return Swap(acknowledged - placed, answered - placed)

    def _write(self, number: int) -> float:
        """When the file was in place; the revisions before stay listed, so that they stay warm."""
        self._here.write({number: 100}, also=tuple(self._here.revisions))
        return changed_at(self._here.path)

    def _who(self) -> bytes:
        """The revision that answers."""
        self._asking.sendall(self._request)
        heard = b""
        while True:
            heard += self._asking.recv(65536)
            head, gap, body = heard.partition(b"\r\n\r\n")
            if gap and len(body) >= int(LENGTH.search(head + b"\r\n")[1]):  # type: ignore[index]
                return head.partition(b"X-Towpath-Revision: ")[2].partition(b"\r\n")[0]


def middle(swaps: Sequence[Swap], what: str) -> float:
    """The median, in milliseconds."""
    return round(1e3 * statistics.median(getattr(one, what) for one in swaps), 1) if swaps else 0.0


def fits(rows: Sequence[dict[str, float]]) -> dict[str, float]:
    """Straight lines by the number of bundles: what each adds, and R2, the share of the spread that they explain."""
    found: dict[str, float] = {}
    for name in ("megabytes", "start_seconds"):
        counts = np.array([row["bundles"] for row in rows], float)
        values = np.array([row[name] for row in rows])
        slope, base = np.polyfit(counts, values, 1)
        rest = values - (slope * counts + base)
        found |= {
            f"{name}_a_bundle": round(float(slope), 4),
            f"{name}_r2": round(1 - float((rest @ rest) / ((values - values.mean()) ** 2).sum()), 4),
        }
    return found


def table(rows: Sequence[dict[str, float]]) -> str:
    titles = ("bundles", "MB", "start s", "warm: told ms", "answered ms", "cold: told ms", "answered ms")
    names = ("bundles", "megabytes", "start_seconds", "warm_acknowledged_ms", "warm_answered_ms",
             "cold_acknowledged_ms", "cold_answered_ms")  # fmt: skip
    cells: list[Sequence[Any]] = [titles, *([row[name] for name in names] for row in rows)]
    return "\n".join("  ".join(str(cell).rjust(13) for cell in line) for line in cells)


def broken(found: dict[str, float]) -> list[str]:
    return [
        f"{name} grows by the number of bundles with R2 {found[f'{name}_r2']}, promised is {LEAST_FIT}"
        for name in ("megabytes", "start_seconds")
        if found[f"{name}_r2"] < LEAST_FIT
    ]


if __name__ == "__main__":
    sys.exit(main())
