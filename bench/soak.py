"""Swaps releases back and forth under load and checks every answer: right for its revision, which was live then.

python bench/soak.py [--small] [--requests N] [--rounds N] [--run swaps|kills] [--check] [--bundles OLD NEW]
Two runs: `swaps` is one worker; `kills` is a supervisor with two, one of which is killed in each round before both are
upgraded, swaps going on. No client ever asks twice. What was under way on the connections of a killed worker is told
apart; nothing else may be lost, and nothing at all in an upgrade. --check fails where a promise is not kept; that about
milliseconds counts in a whole run only.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.soaking.clients import Clients, asking
from bench.soaking.crew import serving
from bench.soaking.expecting import questions
from bench.soaking.judging import broken, conclusion, grown, judged
from bench.soaking.releases import NEW, OLD, make_site, trained
from bench.soaking.swapping import Beating, Swapping
from bench.stress.worker import conclude, facts

RESULTS = Path(__file__).resolve().parent / "results" / "soak.json"
SWAPS = 200
REQUESTS, SMALL = {"swaps": 1_000_000, "kills": 250_000}, {"swaps": 80_000, "kills": 20_000}
ROUNDS, SMALL_ROUNDS = 10, 2  # each of a kill and an upgrade
WARM_SWAPS = 10  # before anything is weighed: both releases are loaded, the allocator has what it wants
WARM_REQUESTS = 5_000
REST_SECONDS = 1.0  # until connections are closed on both sides
MOST_MS = 100.0  # p99 from a file replaced to the last answer of the revision before
MOST_GROWTH = 0.05  # of memory


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--small", action="store_true", help="100,000 requests in all, under a minute")
    parser.add_argument("--requests", type=int, help="of both runs together, at least; else 1,250,000")
    parser.add_argument("--rounds", type=int, help=f"of a kill and an upgrade; else {ROUNDS}")
    parser.add_argument("--run", choices=REQUESTS, help="only this one")
    parser.add_argument("--check", action="store_true", help="fail where a promise is not kept")
    parser.add_argument("--bundles", nargs=2, type=Path, help="two packed bankchurns, else they are trained")
    given = parser.parse_args()
    plain = SMALL if given.small else REQUESTS
    share = given.requests / sum(plain.values()) if given.requests else 1.0
    rounds = given.rounds or (SMALL_ROUNDS if given.small else ROUNDS)
    blows = {"swaps": {"workers": 0, "rounds": 0}, "kills": {"workers": 2, "rounds": rounds}}
    with tempfile.TemporaryDirectory(prefix="towpath-soak-") as made:
        here = Path(made)
        sources = dict(zip((OLD, NEW), given.bundles, strict=True)) if given.bundles else trained(here)
        wanted = [given.run] if given.run else list(REQUESTS)
        runs = {name: soak(here / name, sources, int(share * plain[name]), **blows[name]) for name in wanted}
    whole = not (given.small or given.requests or given.rounds or given.run)
    return tell(runs, whole, check=given.check)


def soak(folder: Path, sources: Mapping[int, Path], requests: int, workers: int, rounds: int) -> dict[str, Any]:
    """At least so many requests, 200 swaps, and so many rounds of blows."""
    here = make_site(folder, sources)
    asked = questions(here)
    here.write({OLD: 100}, also=(OLD, NEW))
    with serving(["--routes", here.path], workers, folder / "acknowledged") as crew:
        swapping = Swapping(here, crew)
        with asking(crew.port, asked) as clients:
            swapping.swap_for(WARM_SWAPS, paced(clients, WARM_REQUESTS))
            clients.stop()
        early, warm = judged(clients.records, swapping.timeline, []), swapping.swaps
        time.sleep(REST_SECONDS)
        before, began = crew.resources(), time.monotonic()
        with asking(crew.port, asked) as clients:
            beating = Beating(crew, rounds)
            swapping.swap_for(SWAPS, paced(clients, requests), beating.goes_on)
            clients.stop()
        seconds = time.monotonic() - began
        time.sleep(REST_SECONDS)
        found = judged(clients.records, swapping.timeline, beating.kills, warm) | grown(before, crew.resources())
    found["failed"] += early["failed"]
    return found | {"seconds": round(seconds, 1), "faults": clients.faults}


def paced(clients: Clients, requests: int) -> Callable[[float], None]:
    """Swaps are spread evenly over the requests."""
    return lambda share: clients.wait_for(share * requests)


def tell(runs: dict[str, dict[str, Any]], whole: bool, *, check: bool) -> int:
    """Print what came of the runs; the last line is `0 failed of N` of all of them. The exit code."""
    missed = []
    for name, run in runs.items():
        print("\n".join([f"SOAK {name} {json.dumps(run)}", *run.pop("faults")]))
        print(f"{name}: {conclusion(run)}")
        timed = {"most_ms": MOST_MS} if whole and name == "swaps" else {}
        missed += [f"{name}: {fault}" for fault in broken(run, MOST_GROWTH, **timed)]
    code = conclude(facts("soak.py") | runs, RESULTS if whole else None, missed, check=check)
    print(f"{sum(run['failed'] for run in runs.values())} failed of {sum(run['requests'] for run in runs.values())}")
    return code


if __name__ == "__main__":
    sys.exit(main())
