"""The worker's log: one JSON object a line on stderr, every string escaped, nothing of any client's record."""

import json
import os
import sys
import threading
import time
import traceback
import warnings
from contextlib import suppress
from queue import SimpleQueue
from typing import Any

ROOM = 1_000  # lines that wait for a slow reader: about half a megabyte
FLUSH_SECONDS = 0.5  # that the end of a worker waits for its last lines; drained after six and a half, it has eight
NOWHERE = -1  # no file has this number, so every line is dropped


def tell(event: str, **facts: Any) -> None:
    """Log one event with its facts, at once and without fail; bytes from clients are shown as they came, undecoded."""
    line = {"time": round(time.time(), 3), "event": event, **{name: _plain(fact) for name, fact in facts.items()}}
    _STDERR.put(escaped(line).encode() + b"\n")


def pass_on(line: bytes) -> None:
    """Log a line that another process's journal wrote."""
    _STDERR.put(line + b"\n")


def tell_warnings() -> None:
    """From now on, what Python's libraries warn of is told here too: numpy does, where a record's numbers overflow."""

    def told(message: object, category: type[Warning], filename: str, lineno: int, *_: object, **__: object) -> None:
        tell("warning", warning=category.__name__, at=f"{filename}:{lineno}")  # its message may quote a record

    warnings.showwarning = told


def flush() -> None:
    """Wait until all that was told is written, but not for ever."""
    _STDERR.flush(FLUSH_SECONDS)


def dropped() -> int:
    """How many lines nobody will ever read: stderr is closed, or who reads it is too slow."""
    return _STDERR.dropped


def traced(error: BaseException) -> dict[str, Any]:
    """What is told of an error: its kind and where it arose; not its message, which may quote a record."""
    frames = traceback.extract_tb(error.__traceback__)
    return {"error": type(error).__name__, "at": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]}


def escaped(line: dict[str, Any]) -> str:
    """JSON in printable ASCII alone, so that no terminal and no log reader can be made to obey it."""
    return json.dumps(line, ensure_ascii=True, default=str).replace("\x7f", "\\u007f")


class Lines:
    """Lines on their way to a file, written by a thread of their own: a pipe that nobody reads stalls its writer."""

    def __init__(self, file: int, room: int = ROOM):
        self._file, self._room = file, room
        # Of the queues this one has no lock that a finalizer, which may want to tell something too, could meet taken.
        self._waiting: SimpleQueue[bytes | threading.Event] = SimpleQueue()
        self._writer: threading.Thread | None = None
        self._crowded = self._unwritten = 0  # each has one thread that counts, so no count is lost

    @property
    def dropped(self) -> int:
        return self._crowded + self._unwritten

    def put(self, line: bytes) -> None:
        if self._waiting.qsize() >= self._room:
            self._crowded += 1
            return
        self._waiting.put(line)
        if self._writer is None:
            self._start()

    def flush(self, seconds: float) -> None:
        """Wait until the lines before this moment are written or dropped, at most so many seconds."""
        if self._writer:
            reached = threading.Event()
            self._waiting.put(reached)
            reached.wait(seconds)

    def _start(self) -> None:
        with suppress(RuntimeError):  # the system has no thread left: the next line tries again
            writer = threading.Thread(target=self._write_all, name="journal", daemon=True)
            writer.start()
            self._writer = writer

    def _write_all(self) -> None:
        while True:
            line = self._waiting.get()
            if isinstance(line, threading.Event):
                line.set()
                continue
            try:
                self._write(line)
            except OSError:  # closed, or the disk is full: the next line may find it otherwise
                self._unwritten += 1

    def _write(self, line: bytes) -> None:
        """To the file itself: who is stopped inside of sys.stderr keeps its lock, and Python then dies of its end."""
        while line:
            line = line[os.write(self._file, line) :]


def _plain(fact: Any) -> Any:
    return repr(fact)[2:-1] if isinstance(fact, bytes) else fact


# Where a process is started without stderr, its number goes to the next file opened: a socket, say.
_STDERR = Lines(2 if sys.__stderr__ else NOWHERE)
