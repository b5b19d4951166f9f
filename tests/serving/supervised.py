"""A supervisor started as a user starts it, what it says, and clients that ask its workers and never try again."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.serving.process import ROOT

ODD = ROOT / "tests" / "serving" / "odd_worker.py"
PATIENCE_SECONDS = 30  # with a supervisor that does not say what it should
ASKED = (
    b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 35\r\n\r\n" + b'{"features": [5.1, 3.5, 1.4, 0.2]}\n'
)


class Supervised:
    """A supervisor whose log is read all along; `port` is there from when it says so."""

    def __init__(self, process: subprocess.Popen[str]):
        self.process = process
        self.events: list[dict[str, Any]] = []
        self.other: list[str] = []
        self._news = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.port: int = self.told("supervising")["port"]

    def _read(self) -> None:
        for line in self.process.stderr:
            with self._news:
                if line.startswith("{"):
                    self.events.append(json.loads(line))
                else:
                    self.other.append(line)
                self._news.notify_all()
        with self._news:
            self._news.notify_all()

    def all_told(self, event: str) -> list[dict[str, Any]]:
        return [one for one in list(self.events) if one["event"] == event]

    def told(self, event: str, times: int = 1, **facts: Any) -> dict[str, Any]:
        """The last of so many lines of that event with these facts; waits for it."""
        until = time.monotonic() + PATIENCE_SECONDS
        with self._news:
            while True:
                found = [one for one in self.events if one["event"] == event and facts.items() <= one.items()]
                if len(found) >= times:
                    return found[times - 1]
                left = until - time.monotonic()
                if left < 0 or not self._reader.is_alive():
                    raise AssertionError(f"{event} {facts} was not told {times} times: {self.events} {self.other}")
                self._news.wait(min(left, 0.5))

    def ready(self, times: int) -> "Supervised":
        """Wait until so many starts have come to their end."""
        self.told("worker_ready", times)
        return self

    def pids(self) -> dict[int, int]:
        """The newest ready worker of each slot."""
        return {one["slot"]: one["pid"] for one in self.all_told("worker_ready")}

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def ended(self, within: float = PATIENCE_SECONDS) -> int:
        """Its exit code; all that it said has been read."""
        code = self.process.wait(within)
        self._reader.join(5)
        return code

    def metrics(self, start: str) -> dict[str, float]:
        """The values of all series that start so."""
        lines = [line for line in get(self.port, "/metrics").decode().splitlines() if line.startswith(start)]
        return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}

    def clear_away(self) -> None:
        with suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait()
        for one in self.all_told("worker_started"):
            if is_alive(one["pid"]):
                with suppress(ProcessLookupError):
                    os.kill(one["pid"], signal.SIGKILL)
        self._reader.join(5)
        self.process.stderr.close()


@contextmanager
def supervising(*words: object, port: int = 0, odd: str = "", **settings: Any) -> Iterator[Supervised]:
    """`with supervising(bundle, "--workers", 2) as crew: ...`; odd ones are those of tests/serving/odd_worker.py."""
    start = [ODD, "--supervise", odd] if odd else ["-m", "towpath.serving"]
    command = [sys.executable, *map(str, start), *map(str, words), "--port", str(port)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment.pop("PORT", None)
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment, **settings)
    crew = None
    try:
        crew = Supervised(process)
        yield crew
    finally:
        if crew:
            crew.clear_away()
        elif process.poll() is None:
            process.kill()
            process.wait()


class Clients:
    """Clients in threads, some on one connection, some on a new one for each request; none tries again."""

    def __init__(self, port: int, keep: int, fresh: int, request: bytes = ASKED):
        self._port, self._request = port, request
        self.statuses: Counter[int] = Counter()
        self.lost: list[str] = []
        self.refused = 0
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._keep) for _ in range(keep)]
        self._threads += [threading.Thread(target=self._fresh) for _ in range(fresh)]

    def __enter__(self) -> "Clients":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(20)

    @property
    def answered(self) -> int:
        return self.statuses[200]

    def _keep(self) -> None:
        sock = None
        while not self._stop.is_set():
            try:
                sock = sock or self._connect()
                if self._ask(sock):
                    continue
            except OSError as error:
                self.lost.append(repr(error))
            if sock:
                sock.close()
            sock = None
        if sock:
            sock.close()

    def _fresh(self) -> None:
        while not self._stop.is_set():
            try:
                with self._connect() as sock:
                    self._ask(sock)
            except OSError as error:
                self.lost.append(repr(error))
            time.sleep(0.002)  # not every port of this machine, which a closed connection holds for a minute

    def _connect(self) -> socket.socket:
        try:
            return socket.create_connection(("127.0.0.1", self._port), timeout=15)
        except ConnectionRefusedError:
            self.refused += 1
            raise

    def _ask(self, sock: socket.socket) -> bool:
        """Whether the connection may be asked again. Raises OSError where no whole answer came."""
        sock.sendall(self._request)
        heard = b""
        while True:
            received = sock.recv(65536)
            if not received:
                raise ConnectionError(f"closed after {len(heard)} bytes")
            heard += received
            head, gap, body = heard.partition(b"\r\n\r\n")
            if gap and len(body) >= int(head.lower().partition(b"content-length: ")[2].split(b"\r", 1)[0]):
                self.statuses[int(head.split(b" ", 2)[1])] += 1
                return b"connection: close" not in head.lower()


def get(port: int, path: str, timeout: float = 10) -> bytes:
    """The body of an answer, whatever its status."""
    with socket.create_connection(("127.0.0.1", port), timeout=timeout) as sock:
        sock.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        heard = b""
        while received := sock.recv(65536):
            heard += received
    return heard.partition(b"\r\n\r\n")[2]


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def is_free(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except ConnectionRefusedError:
        return True
    return False


def until(holds: Callable[[], bool], within: float = PATIENCE_SECONDS) -> float:
    """Seconds until it holds."""
    began = time.monotonic()
    while not holds():
        assert time.monotonic() < began + within, f"did not come true within {within} s"
        time.sleep(0.02)
    return time.monotonic() - began


def kill_all(pids: Sequence[int], number: int = signal.SIGKILL) -> None:
    for pid in pids:
        os.kill(pid, number)
