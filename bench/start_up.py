"""How long `towpath --version` and `towpath --help` take as whole processes, beside a bare Python.

python bench/start_up.py [--check]      # --check fails over 150 ms and 250 ms
"""

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "bench" / "results" / "start_up.json"
RUNS = 41  # the median of so many holds on a machine that does something else now and then
LIMITS_MS = {"version_ms": 150.0, "help_ms": 250.0}
COMMANDS = {
    "version_ms": ["-m", "towpath", "--version"],
    "help_ms": ["-m", "towpath", "--help"],
    "bare_python_ms": ["-c", "pass"],
}


def main() -> int:
    medians = {name: round(statistics.median(times), 1) for name, times in measure(RUNS).items()}
    print("start_up " + " ".join(f"{name}={value}" for name, value in medians.items()))
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps({"runs": RUNS, "python": sys.version.split()[0], **medians}, indent=2) + "\n")
    slow = [
        f"{name} is {medians[name]}, allowed is {limit}" for name, limit in LIMITS_MS.items() if medians[name] > limit
    ]
    print("\n".join(slow), file=sys.stderr, end="\n" if slow else "")
    return 1 if slow and "--check" in sys.argv else 0


def measure(runs: int) -> dict[str, list[float]]:
    """Milliseconds of every run; the commands take turns, so that a busy moment hits all alike."""
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for turn in range(runs + 1):
        for name, words in COMMANDS.items():
            spent = milliseconds(words)
            if turn:  # the first only warms the disk's cache
                times[name].append(spent)
    return times


def milliseconds(words: list[str]) -> float:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    began = time.perf_counter()
    subprocess.run([sys.executable, *words], check=True, stdout=subprocess.DEVNULL, env=environment)
    return (time.perf_counter() - began) * 1000


if __name__ == "__main__":
    sys.exit(main())
