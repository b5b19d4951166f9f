"""The prediction log: answers as msgpack segments in a folder, written by a thread of its own that nobody waits for."""

import contextlib
import errno
import os
import re
import threading
import time
import zlib
from collections import deque
from collections.abc import Sequence
from itertools import chain
from operator import attrgetter
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from msgspec import Struct

from towpath.core.errors import InfrastructureError
from towpath.core.log import Block, frame
from towpath.engine.answers import Seen
from towpath.serving import journal
from towpath.serving.exchange import Exchange
from towpath.serving.model import Model
from towpath.serving.telemetry import Telemetry

CHUNK = 256  # answers that wake the writer, and that it encodes at once: 0.3 ms
EVERY_SECONDS = 0.25  # that fewer answers wait for the disk at most
ROOM = 8_192  # answers that wait for a slow disk
ROOM_BYTES = 32 << 20  # of the requests that these came in: long texts are large
SEGMENTS = 16  # full files that the log's size holds, so that a sixteenth of it goes at once
MOST_FILES = 1_000  # of any size: workers that start often leave small ones
REST_SECONDS = 1.0  # after the disk refused: it is seldom empty a millisecond later
SCORES = attrgetter("scores")
NAME = re.compile(r"[0-9]{8}T[0-9]{6}Z-[0-9]+-[0-9]{6,}\.log")  # what has another name is not ours to remove
WHOLE = 1 << 32  # of what crc32 gives

_WRITTEN = ("towpath_prediction_log_written_total", "Answers written to the prediction log.")
_DROPPED = ("towpath_prediction_log_dropped_total", "Answers that are not in the prediction log, by why.")
_ABOUT_SIZE = "Bytes of the segments in the folder of the prediction log."


class PredictionLog:
    """PredictionLog(folder)             # everything, up to 256 MiB
    PredictionLog(folder, share=0.1)     # of a tenth of the requests

    A request is chosen by its id, so that all of its batch is, and so it is wherever that id comes by.
    """

    def __init__(self, folder: Path, share: float = 1.0, most_bytes: int = 256 << 20):
        self._chosen, self._segments = int(share * WHOLE), _Segments(folder, most_bytes)
        self._waiting: deque[Waiting] = deque()
        self._wake, self._ended = threading.Event(), False
        # Each number has one thread that counts it, so no count is lost.
        self._put_rows = self._put_bytes = self._taken_rows = self._taken_bytes = 0
        self.crowded = self.unwritten = self.failed = self.written = 0
        self._writer = threading.Thread(target=self._write_all, name="prediction log", daemon=True)
        self._writer.start()

    def observe_with(self, telemetry: Telemetry) -> None:
        telemetry.reading(*_WRITTEN, lambda: self.written)
        telemetry.reading(*_DROPPED, lambda: self.crowded, reason="room")
        telemetry.reading(*_DROPPED, lambda: self.unwritten, reason="disk")
        telemetry.reading(*_DROPPED, lambda: self.failed, reason="failed")
        telemetry.reading("towpath_prediction_log_size_bytes", _ABOUT_SIZE, lambda: self._segments.kept_bytes)

    def put(self, source: "Source", exchange: Exchange, records: Sequence[Struct], seen: Sequence[Seen]) -> None:
        """Log what a request was answered, unless it is not chosen or there is no room: at once and without fail."""
        if zlib.crc32(exchange.id) >= self._chosen:
            return
        if self._put_rows - self._taken_rows >= ROOM or self._put_bytes - self._taken_bytes >= ROOM_BYTES:
            self.crowded += len(records)
            return
        self._waiting.append((source, time.time(), exchange.id, len(exchange.body), records, seen))
        self._put_rows += len(records)
        self._put_bytes += len(exchange.body)
        if self._put_rows - self._taken_rows >= CHUNK:
            self._wake.set()

    def close(self, seconds: float) -> None:
        """Write what waits, but wait no longer than so many seconds."""
        self._ended = True
        self._wake.set()
        self._writer.join(seconds)

    def _write_all(self) -> None:
        while not self._ended or self._waiting:
            self._wake.wait(EVERY_SECONDS)
            self._wake.clear()
            while self._waiting:
                taken = self._take()
                rows = sum(len(records) for *_, records, _ in taken)
                try:
                    self._segments.write(taken[0][0].block(taken))
                    self.written += rows
                except OSError:  # full, gone or forbidden: the next look may find it mended
                    self.unwritten += rows
                    if not self._ended:
                        self._drop_for_a_while()
                except Exception as error:  # the door: what cannot be written must not end the log
                    self.failed += rows
                    journal.tell("log_failed", **journal.traced(error))
        self._segments.end()

    def _take(self) -> list["Waiting"]:
        """The next requests of one bundle, with about a chunk of answers."""
        source, rows, size = self._waiting[0][0], 0, 0
        taken: list[Waiting] = []
        while self._waiting and self._waiting[0][0] is source and rows < CHUNK:
            taken.append(self._waiting.popleft())
            rows += len(taken[-1][4])
            size += taken[-1][3]
        self._taken_rows += rows
        self._taken_bytes += size
        return taken

    def _drop_for_a_while(self) -> None:
        until = time.monotonic() + REST_SECONDS
        while time.monotonic() < until and not self._ended:
            time.sleep(EVERY_SECONDS)
            while self._waiting:
                self.unwritten += sum(len(records) for *_, records, _ in self._take())


Waiting = tuple["Source", float, bytes, int, Sequence[Struct], Sequence[Seen]]
"""Whose answers, when, the request's id and bytes, its records and what was seen of each."""


class Source:
    """Whose answers they are, and what of a record is logged: ids, or where the contract says so all but private."""

    def __init__(self, model: Model):
        contract = model.contract
        self._decide = model.engine.answerer.decide_all if contract.task.classes else None
        self._ids = [field.name for field in contract.record if field.role == "id"]
        public = [field.name for field in contract.record if field.role in ("feature", "context")]
        self._values = public if contract.log == "records" else []
        empty: dict[str, Any] = {name: [] for name in Block.__struct_fields__ if name not in ("ids", "values")}
        told = {"release": model.release, "bundle": model.bundle.id, "classes": list(contract.task.classes)}
        self._head = Block(**empty | told | {"service": contract.service}, ids={}, values={})
        self._encode = msgspec.msgpack.Encoder().encode

    def block(self, taken: Sequence[Waiting]) -> bytes:
        """The answers to these requests as one encoded block."""
        _, times, requests, _, records, seen = zip(*taken, strict=True)
        counts = [len(some) for some in records]
        flat = list(chain.from_iterable(records))
        scores = list(map(SCORES, chain.from_iterable(seen)))
        block = msgspec.structs.replace(
            self._head,
            requests=_repeated([request.decode("ascii") for request in requests], counts),
            times=_repeated(times, counts),
            positions=[position for count in counts for position in range(count)],
            scores=scores,
            decisions=self._decide(np.array(scores)).tolist() if self._decide else [],
            ids={name: list(map(attrgetter(name), flat)) for name in self._ids},
            values={name: list(map(attrgetter(name), flat)) for name in self._values},
        )
        try:
            return self._encode(block)
        except OverflowError:  # an id may be any number, msgpack's have 64 bits
            return self._encode(
                msgspec.structs.replace(block, ids=_storable(block.ids), values=_storable(block.values))
            )


def _storable(columns: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """With whole numbers that no 64 bits hold as their digits."""
    return {name: [_digits(value) for value in values] for name, values in columns.items()}


def _digits(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not -(1 << 63) <= value < 1 << 64 else value


def _repeated(values: Sequence[Any], counts: Sequence[int]) -> list[Any]:
    """Each value as often as its request has answers."""
    return [value for value, count in zip(values, counts, strict=True) for _ in range(count)]


class _Segments:
    """Files in a folder, one after the other: begun when there is something to write and the last is large enough."""

    def __init__(self, folder: Path, most_bytes: int):
        self._folder, self._most = folder, most_bytes
        self._file = -1
        self._size = self._number = self.kept_bytes = 0
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            if not os.access(folder, os.W_OK | os.X_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
            self._make_room(0)
        except OSError as error:
            told = f"the prediction log cannot be written to {folder}: {error.strerror}"
            raise InfrastructureError(told, hint="--log names a folder that this user can write to") from error

    def write(self, block: bytes) -> None:
        """Raises OSError; what of the block was written by then is taken back."""
        framed = frame(block)
        if self._file < 0 or self._size + len(framed) > self._most // SEGMENTS:
            self._begin(len(framed))
        try:
            _write_whole(self._file, framed)
        except OSError:
            self._take_back()
            raise
        self._size += len(framed)
        self.kept_bytes += len(framed)

    def end(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _begin(self, wanted: int) -> None:
        self.end()
        self._make_room(max(wanted, self._most // SEGMENTS))
        begun = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        while self._file < 0:
            self._number += 1
            name = f"{begun}-{os.getpid()}-{self._number:06d}.log"
            with contextlib.suppress(FileExistsError):  # in another container that writes here we have the same number
                self._file = os.open(self._folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        self._size = 0

    def _take_back(self) -> None:
        """The segment ends where its last whole block does, and goes on from there."""
        try:
            os.ftruncate(self._file, self._size)
        except OSError:
            self.end()

    def _make_room(self, wanted: int) -> None:
        """The eldest go, whoever's they are: a worker that is gone cannot drop its own."""
        found = sorted(path for path in self._folder.iterdir() if NAME.fullmatch(path.name))
        sizes = [_size_of(path) for path in found]
        kept, here = sum(sizes), 0
        while here < len(found) and (kept + wanted > self._most or len(found) - here >= MOST_FILES):
            with contextlib.suppress(FileNotFoundError):  # another worker was quicker
                found[here].unlink()
            kept -= sizes[here]
            here += 1
        self.kept_bytes = kept


def _size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:  # another worker dropped it
        return 0


def _write_whole(file: int, content: bytes) -> None:
    while content:
        content = content[os.write(file, content) :]
