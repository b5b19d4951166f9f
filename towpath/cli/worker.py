"""A worker process of our own: started, waited for, stopped."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from towpath.core.errors import InfrastructureError

START_SECONDS = 30.0  # a worker is there in under one; a busy machine may take ten times as long
STOP_SECONDS = 10.0  # a little more than the worker takes to drain


@contextmanager
def running_worker(bundles: Sequence[Path], port: int, log: Path) -> Iterator[str]:
    """Serve bundles in a process of their own; gives its address, such as `127.0.0.1:8080`.

    Raises InfrastructureError with the worker's own last words where it does not start.
    """
    words = [sys.executable, "-m", "towpath.serving", "--port", str(port), *map(str, bundles)]
    with log.open("wb") as told:
        process = subprocess.Popen(words, stderr=told, stdout=told, stdin=subprocess.DEVNULL)
    try:
        yield f"127.0.0.1:{wait_until_serving(process, log)}"
    finally:
        stop(process)


def wait_until_serving(process: subprocess.Popen[bytes], log: Path) -> int:
    """The port that it serves on."""
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        if port := serving_port(log):
            return port
        time.sleep(0.02)
    words = log.read_text(encoding="utf-8", errors="replace").strip()
    raise InfrastructureError(
        f"the worker did not start: {words or 'it said nothing'}", hint="towpath serve BUNDLE shows more"
    )


def serving_port(log: Path) -> int:
    """What the worker's log says, 0 where it does not say so yet."""
    for line in log.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True):
        if line.startswith("{") and line.endswith("}\n"):
            told = json.loads(line)
            if told.get("event") == "serving":
                return int(told["port"])
    return 0


def stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
