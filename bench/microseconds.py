"""Where the microseconds of one answer go: its parts in process, on rows in rotation, and the whole of it beside them.

python bench/microseconds.py [--keep FOLDER]     # a quiet machine tells most; FOLDER as in bench/serving.py

Two bundles of the reference's own churn pipeline, one answering four fields and one the whole reply with contributions;
as they are asked by one connection, and by 32 whose requests arrive in one turn of the loop.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench.racing.contenders import ROWS, body, contenders  # noqa: E402
from bench.racing.inside import REPLY, RUN, Inside  # noqa: E402
from bench.racing.servers import SERVER_CORE  # noqa: E402
from bench.stress.worker import facts  # noqa: E402

RESULTS = ROOT / "bench" / "results" / "microseconds.json"
REPEATS = 25
CROWD = 32


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", default="", help="a folder for the models; those that are there are not fitted again")
    parser.add_argument("--results", type=Path, default=RESULTS)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(given.keep or scratch).absolute()
        work.mkdir(parents=True, exist_ok=True)
        made = contenders("bankchurn", work)
    if (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(0, {SERVER_CORE})
    bodies = [body(record) for record in made.records[:ROWS]]
    found = {"four fields": parts(made.four, bodies), "with contributions": parts(made.ours, bodies)}
    for name, told in found.items():
        print(f"\n{name}, microseconds a request\n{table(told)}")
    measured = facts("microseconds.py") | {"rows": ROWS, "repeats": REPEATS, "answers": found}
    given.results.parent.mkdir(exist_ok=True)
    given.results.write_text(json.dumps(measured, indent=1) + "\n")
    return 0


def parts(bundle: str, bodies: Sequence[bytes], repeats: int = REPEATS) -> dict[str, dict[str, float]]:
    """Part to microseconds a request, on one connection and on 32.

    `the rest` is what joins the parts, and what they take longer in each other's company, which takes their caches.
    """
    return {
        part: {"one": one, "crowd": crowd}
        for (part, one), (_, crowd) in zip(
            _measured(bundle, bodies, 1, repeats), _measured(bundle, bodies, CROWD, repeats), strict=True
        )
    }


def _measured(bundle: str, bodies: Sequence[bytes], together: int, repeats: int) -> list[tuple[str, float]]:
    inside = Inside(bundle, bodies, together)
    edge = micros(inside.edge, len(bodies), repeats)
    alone = {part: micros(work, len(bodies), repeats) for part, work in inside.parts().items()}
    alone = {"read the request, find its endpoint": edge - alone[REPLY], **alone}
    whole, alone[RUN] = _whole(inside, len(bodies), repeats)
    beside = {part: micros(work, len(bodies), repeats) for part, work in inside.beside().items()}
    inside.close()
    return [*alone.items(), ("the rest", whole - sum(alone.values())), ("the whole", whole), *beside.items()]


def _whole(inside: Inside, rows: int, repeats: int) -> tuple[float, float]:
    """The whole, and what of it is spent in the model."""
    runs = []

    def once() -> None:
        before = inside.model_seconds
        inside.whole()
        runs.append(inside.model_seconds - before)

    whole = micros(once, rows, repeats)
    return whole, round(statistics.median(runs) / rows * 1e6, 3)


def micros(work: Callable[[], Any], rows: int, repeats: int) -> float:
    """Microseconds of processor time a row: the median over the repeats, as other processes interrupt some of them."""
    work()
    spent = []
    for _ in range(repeats):
        began = time.process_time_ns()
        work()
        spent.append(time.process_time_ns() - began)
    return round(statistics.median(spent) / rows / 1000, 3)


def table(told: dict[str, dict[str, float]]) -> str:
    lines = [f"{'part':<44}{'1 connection':>14}{'32':>10}"]
    return "\n".join(lines + [f"{part:<44}{us['one']:>14.2f}{us['crowd']:>10.2f}" for part, us in told.items()])


if __name__ == "__main__":
    sys.exit(main())
