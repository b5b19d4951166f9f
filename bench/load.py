"""What one worker answers, measured by `towpath load` itself: users in a closed loop, then rates in an open one.

python bench/load.py [--small] [--bundle PATH]
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.stress.worker import bankchurn, conclude, facts, serving

RESULTS = Path(__file__).resolve().parent / "results" / "load.json"
USERS = (1, 10, 50, 200)
RATES = (100, 1_000, 5_000, 10_000)
KEPT = ("loop", "users", "rate", "requests", "errors", "rps", "latency_ms", "stages_ms", "worker_processor_share",
        "own_processor_share")  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--small", action="store_true", help="shorter, and nothing is kept")
    parser.add_argument("--bundle", default="", help="a packed bankchurn, else one is trained")
    given = parser.parse_args()
    seconds = "1" if given.small else "10"
    asked = [("--users", str(users)) for users in USERS] + [("--rate", str(rate)) for rate in RATES]
    with serving(bankchurn(given.bundle)) as worker:
        url = f"http://127.0.0.1:{worker.port}"
        measured = [measure(url, "--seconds", seconds, "--spawn", "10000", *words) for words in asked]
    return conclude(facts("load.py") | {"results": measured}, None if given.small else RESULTS, [], check=False)


def measure(url: str, *words: str) -> dict[str, Any]:
    """What one `towpath load` tells, whatever its verdict."""
    command = [sys.executable, "-m", "towpath", "--json", "--quiet", "load", url, *words]
    told = json.loads(subprocess.run(command, check=False, capture_output=True, text=True).stdout)["data"]
    latencies = told["latency_ms"]
    print(f"LOAD {' '.join(words)} rps={told['rps']} p50={latencies['p50']} p99={latencies['p99']} {told['errors']}")
    return {name: told[name] for name in KEPT}


if __name__ == "__main__":
    raise SystemExit(main())
