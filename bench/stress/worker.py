"""A worker on a core of its own, with a freshly trained BankChurn; what it was asked is read from its /metrics."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SERVER_CORE, LOAD_CORE = 0, 1
PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Worker:
    """A worker that listens."""

    process: subprocess.Popen[str]
    port: int

    def resident_bytes(self) -> int:
        return int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]) * PAGE


def bankchurn(given: str = "") -> Path:
    """The bundle that is given, or one trained and packed into a temporary folder."""
    if given:
        return Path(given)
    from tests.bundles import pack_service, portfolio

    return pack_service(portfolio(Path(tempfile.mkdtemp(prefix="towpath-stress-"))), "bankchurn")


def facts(script: str, *words: str) -> dict[str, str]:
    """Which run it was: its command, date and commit."""
    told = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return {
        "command": " ".join([f"python bench/{script}", *words]),
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "commit": told.stdout.strip() or "unknown",
    }


def conclude(measured: Mapping[str, Any], results: Path | None, broken: Sequence[str], *, check: bool) -> int:
    """Keep a full run's numbers, tell the promises that are not kept; the exit code."""
    if results:
        results.parent.mkdir(exist_ok=True)
        results.write_text(json.dumps(measured, indent=2) + "\n")
    print("\n".join(broken), file=sys.stderr, end="\n" if broken else "")
    return 1 if broken and check else 0


@contextmanager
def serving(bundle: Path, *words: str) -> Iterator[Worker]:
    """On the first core, while whoever calls takes the second; where there is one core they share it."""
    command = [sys.executable, "-m", "towpath.serving", str(bundle), "--port", "0", *words]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
    if (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(process.pid, {SERVER_CORE})
        os.sched_setaffinity(0, {LOAD_CORE})
    try:
        assert process.stderr is not None
        told = next(json.loads(line) for line in process.stderr if '"event": "serving"' in line)
        yield Worker(process, told["port"])
    finally:
        process.kill()
        process.communicate()
