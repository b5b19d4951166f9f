"""What is soaked: a worker, or a supervisor with its workers; what they acknowledge, hold, and die of."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from bench.soaking.clients import wait_for
from bench.stress.worker import PAGE, ROOT, SERVER_CORE
from towpath.core.acknowledged import Acknowledgement, read_acknowledgement

STOP_SECONDS = 15.0
LINES_KEPT = 50


@dataclass(frozen=True)
class Killed:
    """A worker that was killed, and the ports of the clients whose connections it held."""

    at: float  # by time.monotonic()
    ports: frozenset[int]


class Crew:
    """Started and listening; its log is read all along."""

    def __init__(self, process: "subprocess.Popen[str]", workers: int, folder: Path | None):
        self.process, self._workers, self._folder = process, max(workers, 1), folder
        self.events: Counter[str] = Counter()
        self.last: deque[str] = deque(maxlen=LINES_KEPT)
        self.port = 0
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        first, ready = ("supervising", workers) if workers else ("serving", 1)
        wait_for(lambda: self._has_started(first, ready), "the workers are ready")

    def said(self) -> list[Acknowledgement]:
        """What the workers say that live."""
        found = []
        for path in self._folder.glob("*.json") if self._folder else ():
            with suppress(FileNotFoundError):  # its worker has just ended
                found.append(read_acknowledgement(path.read_bytes(), str(path)))
        return [one for one in found if state(one.pid) not in ("", "Z")]

    def act_upon(self, service: str, generation: int) -> bool:
        """Whether all workers say that they do; one that was replaced is one of them until it has ended."""
        said = [one.services for one in self.said()]
        known = [one[service].generation if service in one else 0 for one in said]
        return len(known) >= self._workers and all(one == generation for one in known)

    def kill_one(self) -> Killed:
        """The eldest. It is stopped first, so that nothing changes between the look at its connections and its end."""
        pid = min(one.pid for one in self.said())
        at = time.monotonic()
        os.kill(pid, signal.SIGSTOP)
        wait_for(lambda: state(pid) == "T", "a worker stands still")
        ports = frozenset(client_ports(pid))
        os.kill(pid, signal.SIGKILL)
        return Killed(at, ports)

    def wait_for(self, event: str, times: int) -> None:
        """Until it was told so often."""
        wait_for(lambda: self.events[event] >= times, f"{event} is told {times} times", 60.0)

    def resources(self) -> dict[str, int]:
        """Open files, threads and bytes of all its processes."""
        pids = {self.process.pid, *(one.pid for one in self.said())}
        return {
            "files": sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in pids),
            "threads": sum(len(os.listdir(f"/proc/{pid}/task")) for pid in pids),
            "bytes": sum(map(resident_bytes, pids)),
        }

    def _has_started(self, first: str, ready: int) -> bool:
        if self.process.poll() is not None:
            self._reader.join()
            raise RuntimeError(f"it ended with {self.process.returncode}: {''.join(self.last)}")
        return self.port > 0 and (first == "serving" or self.events["worker_ready"] >= ready)

    def _read(self) -> None:
        for line in self.process.stderr or ():
            self.last.append(line)
            if line.startswith("{"):
                told = json.loads(line)
                if told["event"] in ("supervising", "serving") and not self.port:
                    self.port = told["port"]
                self.events[told["event"]] += 1


@contextmanager
def serving(words: Sequence[object], workers: int = 0, folder: Path | None = None) -> Iterator[Crew]:
    """With a supervisor where a number of workers is given; on the first core, where there are two."""
    asked = [*words, "--port", 0, *(("--workers", workers) if workers else ())]
    asked += ["--acknowledge", folder] if folder else []
    command = [sys.executable, "-m", "towpath.serving", *map(str, asked)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
    if (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(process.pid, {SERVER_CORE})
    try:
        yield Crew(process, workers, folder)
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        finally:
            process.kill()
            process.wait()


def changed_at(path: Path) -> float:
    """When the system says that the file was put in place, by time.monotonic(); some milliseconds early, never late."""
    return time.monotonic() - (time.time() - path.stat().st_ctime_ns / 1e9)


def state(pid: int) -> str:
    """R, S, T, Z or what else /proc calls it; "" where there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


def resident_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE


def client_ports(pid: int) -> Iterator[int]:
    """The ports at the other ends of its TCP connections."""
    inodes = {os.readlink(one) for one in Path(f"/proc/{pid}/fd").iterdir()}
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        port = int(fields[2].rpartition(":")[2], 16)
        if port and f"socket:[{fields[9]}]" in inodes:
            yield port
