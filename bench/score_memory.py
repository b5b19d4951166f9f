"""Whether `towpath score` needs more memory for more rows: peak RSS at many times the input, for each kind of file.

python bench/score_memory.py            # 100 MB and 1 GB of csv and of jsonl, and parquet: half an hour, 8 GB of disk
python bench/score_memory.py --small    # 180,000 and 900,000 rows, a minute: what CI runs
python bench/score_memory.py --check    # fails where the larger takes over 10 MB more
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "bench" / "results" / "score_memory.json"
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}
ALLOWED_MB = 10.0
SMALL, FULL = (180_000, 900_000), (1_800_000, 18_000_000)
# Rows of the smaller and the larger file. A row is 56 bytes of csv and 220 of jsonl; of parquet as many as of csv.
ROWS = {"csv": FULL, "jsonl": (450_000, 4_500_000), "parquet": FULL}
BLOCK = 10_000  # rows
GROUP = 1_000_000  # rows; what pandas and pyarrow put into one row group
NAMES = (
    "CustomerId", "CreditScore", "Geography", "Gender", "Age", "Tenure", "Balance", "NumOfProducts", "HasCrCard",
    "IsActiveMember", "EstimatedSalary",
)  # fmt: skip
COUNTRIES, GENDERS = ("France", "Germany", "Spain"), ("Female", "Male")


Customer = tuple[int, int, str, str, int, int | None, float, int, int, int, float]


class Measured(NamedTuple):
    """One run: kind of both files, input in MB, rows, seconds, peak RSS in MB."""

    kind: str
    input_mb: float
    rows: int
    seconds: float
    rss_mb: float


def main() -> int:
    sizes = dict.fromkeys(ROWS, SMALL) if "--small" in sys.argv else ROWS
    with tempfile.TemporaryDirectory(prefix="towpath-bench-") as folder:
        bundle = packed_bundle(Path(folder))
        pairs = [tuple(measure(bundle, Path(folder), kind, rows) for rows in sizes[kind]) for kind in sizes]
    more = {larger.kind: round(larger.rss_mb - smaller.rss_mb, 1) for smaller, larger in pairs}
    runs = [run._asdict() for pair in pairs for run in pair]
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps({"runs": runs, "more_mb": more, "allowed_mb": ALLOWED_MB}, indent=2) + "\n")
    print("score_memory " + " ".join(f"{kind}_more_mb={mb}" for kind, mb in more.items()) + f" allowed_mb={ALLOWED_MB}")
    return 1 if max(more.values()) > ALLOWED_MB and "--check" in sys.argv else 0


def packed_bundle(folder: Path) -> Path:
    """BankChurn trained and packed by its own commands, in a copy of the portfolio that `towpath demo` leaves."""
    words = ["--quiet", "--json", "demo", "--keep", str(folder / "project")]
    done = subprocess.run(
        [sys.executable, "-m", "towpath", *words], capture_output=True, text=True, check=True, env=ENVIRONMENT
    )
    identity = json.loads(done.stdout)["data"]["services"]["bankchurn"]["bundle"]
    return folder / "project" / ".towpath" / "bundles" / "bankchurn" / identity[:12]


def measure(bundle: Path, folder: Path, kind: str, rows: int) -> Measured:
    source, output = folder / f"customers.{kind}", folder / f"answers.{kind}"
    # In a process of its own: the peak of a child begins with what its parent had when it was forked.
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        pool.submit(WRITERS[kind], source, rows).result()
    words = ["--quiet", "score", str(bundle), str(source), str(output)]
    began = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "towpath", *words], env=ENVIRONMENT, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    assert status == 0, f"towpath score ended with status {status}"
    measured = Measured(kind, source.stat().st_size / 1e6, rows, seconds, usage.ru_maxrss / 1024)
    source.unlink()
    output.unlink()
    print(
        "score_memory " + " ".join(f"{name}={shown(value)}" for name, value in measured._asdict().items()), flush=True
    )
    return measured


def shown(value: object) -> str:
    return f"{value:.1f}" if isinstance(value, float) else str(value)


def write_csv(path: Path, rows: int) -> None:
    with path.open("w") as file:
        file.write(",".join(NAMES) + "\n")
        for block in blocks(rows, BLOCK):
            file.writelines(",".join("" if one is None else str(one) for one in row) + "\n" for row in block)


def write_jsonl(path: Path, rows: int) -> None:
    with path.open("w") as file:
        for block in blocks(rows, BLOCK):
            file.writelines(json.dumps(dict(zip(NAMES, row, strict=True))) + "\n" for row in block)


def write_parquet(path: Path, rows: int) -> None:
    import pyarrow
    import pyarrow.parquet

    writer = None
    for block in blocks(rows, GROUP):
        table = pyarrow.table(dict(zip(NAMES, zip(*block, strict=True), strict=True)))
        writer = writer or pyarrow.parquet.ParquetWriter(path, table.schema)
        writer.write_table(table, GROUP)
    assert writer is not None
    writer.close()


WRITERS = {"csv": write_csv, "jsonl": write_jsonl, "parquet": write_parquet}


def blocks(rows: int, size: int) -> Iterator[list[Customer]]:
    """So many customers, all different, some at a time."""
    for first in range(0, rows, size):
        yield [customer(number) for number in range(first, min(first + size, rows))]


def customer(n: int) -> Customer:
    """The numbers wander through their ranges in steps that have no common period."""
    who = (15_000_000 + n, 300 + n * 7 % 551, COUNTRIES[n % 3], GENDERS[n % 2], 18 + n * 13 % 75)
    tenure = None if n % 11 == 0 else n % 10
    balance, salary = round(n * 37 % 200_003 * 1.01, 2), round(n * 53 % 199_999 * 0.97, 2)
    return *who, tenure, balance, 1 + n * 3 % 4, n % 2, n // 2 % 2, salary


if __name__ == "__main__":
    sys.exit(main())
