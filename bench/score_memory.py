"""Whether `towpath score` needs more memory for more rows: peak RSS at 1 GB of csv against 100 MB.

python bench/score_memory.py            # 100 MB and 1,000 MB, about five minutes and 8 GB of disk
python bench/score_memory.py --small    # 10 MB and 100 MB, half a minute: what CI runs
python bench/score_memory.py --check    # fails where the larger takes over 10 MB more
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "bench" / "results" / "score_memory.json"
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}
ALLOWED_MB = 10.0
HEADER = (
    "CustomerId,CreditScore,Geography,Gender,Age,Tenure,Balance,NumOfProducts,HasCrCard,IsActiveMember,"
    "EstimatedSalary\n"
)
COUNTRIES, GENDERS = ("France", "Germany", "Spain"), ("Female", "Male")


class Measured(NamedTuple):
    """One run: input in MB, rows, seconds, peak RSS in MB."""

    input_mb: float
    rows: int
    seconds: float
    rss_mb: float


def main() -> int:
    sizes = (10, 100) if "--small" in sys.argv else (100, 1000)
    with tempfile.TemporaryDirectory(prefix="towpath-bench-") as folder:
        bundle = packed_bundle(Path(folder))
        runs = [measure(bundle, Path(folder), megabytes) for megabytes in sizes]
    for run in runs:
        print(
            f"score_memory input_mb={run.input_mb:.0f} rows={run.rows} seconds={run.seconds:.1f} "
            f"rows_per_second={run.rows / run.seconds:.0f} rss_mb={run.rss_mb:.1f}"
        )
    more = runs[1].rss_mb - runs[0].rss_mb
    print(f"score_memory RATIO {runs[1].rss_mb / runs[0].rss_mb:.3f} more_mb={more:.1f} allowed_mb={ALLOWED_MB:.0f}")
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(
        json.dumps({"runs": [run._asdict() for run in runs], "more_mb": round(more, 1)}, indent=2) + "\n"
    )
    return 1 if more > ALLOWED_MB and "--check" in sys.argv else 0


def packed_bundle(folder: Path) -> Path:
    """BankChurn trained and packed by its own commands, in a copy of the portfolio that `towpath demo` leaves."""
    words = ["--quiet", "--json", "demo", "--keep", str(folder / "project")]
    done = subprocess.run(
        [sys.executable, "-m", "towpath", *words], capture_output=True, text=True, check=True, env=ENVIRONMENT
    )
    identity = json.loads(done.stdout)["data"]["services"]["bankchurn"]["bundle"]
    return folder / "project" / ".towpath" / "bundles" / "bankchurn" / identity[:12]


def measure(bundle: Path, folder: Path, megabytes: int) -> Measured:
    source, output = folder / "customers.csv", folder / "answers.csv"
    rows = write_customers(source, megabytes * 1_000_000)
    words = ["--quiet", "score", str(bundle), str(source), str(output)]
    began = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "towpath", *words], env=ENVIRONMENT, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    assert status == 0, f"towpath score ended with status {status}"
    measured = Measured(source.stat().st_size / 1e6, rows, seconds, usage.ru_maxrss / 1024)
    source.unlink()
    output.unlink()
    return measured


def write_customers(path: Path, size: int) -> int:
    """Customers that are all different, until the file has its size; returns how many."""
    rows = written = 0
    with path.open("w") as file:
        file.write(HEADER)
        for block in blocks():
            written += file.write(block)
            rows += block.count("\n")
            if written >= size:
                return rows
    raise AssertionError("blocks() never ends")


def blocks() -> Iterator[str]:
    """10,000 rows at a time; the numbers wander through their ranges in steps that have no common period."""
    first = 0
    while True:
        yield "".join(customer(number) for number in range(first, first + 10_000))
        first += 10_000


def customer(n: int) -> str:
    tenure = "" if n % 11 == 0 else n % 10
    return (
        f"{15_000_000 + n},{300 + n * 7 % 551},{COUNTRIES[n % 3]},{GENDERS[n % 2]},{18 + n * 13 % 75},{tenure},"
        f"{n * 37 % 200_003 * 1.01:.2f},{1 + n * 3 % 4},{n % 2},{n // 2 % 2},{n * 53 % 199_999 * 0.97:.2f}\n"
    )


if __name__ == "__main__":
    sys.exit(main())
