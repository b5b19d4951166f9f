"""The process of the clients, from the side of who judges them."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from bench.soaking.asking import shared_number
from bench.soaking.questions import Questions
from bench.soaking.records import read_records
from bench.stress.worker import LOAD_CORE, ROOT

KEPT, ANEW = 12, 4  # clients that keep their connection, and that open one for each request
PATIENCE_SECONDS = 30.0
STILL_SECONDS = 0.5  # a pause of two milliseconds that takes longer is none of ours


class Clients:
    """Clients that ask until stop(); then `records` and `faults` have what came of it."""

    def __init__(self, folder: Path, process: "subprocess.Popen[bytes]"):
        self._folder, self._process = folder, process
        wait_for(lambda: any(one.stat().st_size for one in folder.glob("asked")), "the clients start")
        self._asked = shared_number(folder / "asked")
        self.records: np.ndarray = np.array([])
        self.faults: list[str] = []

    @property
    def asked(self) -> int:
        """Requests that came to an end so far."""
        return int.from_bytes(self._asked[:], "little")

    def wait_for(self, requests: float) -> None:
        """Raises TimeoutError where none at all comes to its end for long."""
        while (before := self.asked) < requests:
            wait_for(lambda before=before: self.asked > before, "somebody is answered")

    def stop(self) -> None:
        """Nothing new is asked; what was is heard."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        if code := self._process.wait(PATIENCE_SECONDS):
            raise RuntimeError(f"the clients ended with {code}")
        self.records = read_records(self._folder / "records")
        self.faults = (self._folder / "faults").read_text().splitlines()


@contextmanager
def asking(port: int, questions: Questions, kept: int = KEPT, anew: int = ANEW) -> Iterator[Clients]:
    """On the core that the workers leave free."""
    with tempfile.TemporaryDirectory(prefix="towpath-clients-") as folder:
        questions.write(Path(folder) / "questions.json")
        command = [sys.executable, "-m", "bench.soaking.asking", folder, str(port), str(kept), str(anew)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, cwd=ROOT)
        if (os.cpu_count() or 1) > 1:
            os.sched_setaffinity(process.pid, {LOAD_CORE})
        try:
            yield Clients(Path(folder), process)
        finally:
            process.kill()
            process.wait()


def wait_for(holds: Callable[[], object], what: str, seconds: float = PATIENCE_SECONDS) -> None:
    """Until it does. Raises TimeoutError; the time in which the whole machine stood still is not counted."""
    waited, before = 0.0, time.monotonic()
    while not holds():
        if waited > seconds:
            raise TimeoutError(f"waited {seconds:.0f} s for this: {what}")
        time.sleep(0.002)
        now = time.monotonic()
        waited, before = waited + min(now - before, STILL_SECONDS), now
