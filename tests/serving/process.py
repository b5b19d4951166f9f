"""A worker started as a user starts it, and questions put to it over HTTP."""

import http.client
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 20  # with a worker that does not say what it should


@dataclass
class Reply:
    """A reply with its headers in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Running:
    """A worker that listens; `port` and `event` come from its first line of log."""

    def __init__(self, process: subprocess.Popen[str]):
        self.process = process
        assert process.stderr is not None
        self.event = self.told("serving")
        self.port = self.event["port"]

    def told(self, event: str) -> dict[str, Any]:
        """The next line of that event."""
        return json.loads(self._first(event))

    def metrics(self, start: str, path: str = "/metrics") -> dict[str, float]:
        """The values of all series that start so."""
        lines = [line for line in self.get(path).body.decode().splitlines() if line.startswith(start)]
        return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}

    def _first(self, event: str) -> str:
        """The line of that event; those before it are kept."""
        self.before: list[str] = []
        patience = threading.Timer(PATIENCE_SECONDS, self.process.kill)  # which ends the lines
        patience.start()
        try:
            for line in self.process.stderr:
                if f'"event": "{event}"' in line:
                    return line
                self.before.append(line)
        finally:
            patience.cancel()
        raise AssertionError(f"the worker ended with {self.process.wait()}: {''.join(self.before)}")

    def ask(
        self, method: str, path: str, body: bytes | str | None = None, headers: Mapping[str, str] | None = None
    ) -> Reply:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, path, body, dict(headers or {}))
            reply = connection.getresponse()
            return Reply(reply.status, {name.lower(): value for name, value in reply.getheaders()}, reply.read())
        finally:
            connection.close()

    def get(self, path: str) -> Reply:
        return self.ask("GET", path)

    def post(self, path: str, value: Any) -> Reply:
        return self.ask("POST", path, json.dumps(value))

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(15)


def start(*words: object, cwd: Path | None = None, stderr: int = subprocess.PIPE) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "towpath.serving", *map(str, words)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment.pop("PORT", None)
    return subprocess.Popen(command, stderr=stderr, text=True, cwd=cwd, env=environment)


@contextmanager
def serving(*words: str | Path, cwd: Path | None = None) -> Iterator[Running]:
    """`with serving(bundle) as worker: worker.get("/health")`"""
    process = start(*words, "--port", "0", cwd=cwd)
    try:
        yield Running(process)
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()
