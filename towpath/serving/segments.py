"""The files of the prediction log: begun, filled, and dropped again, so that together they stay within their size."""

import contextlib
import errno
import os
import time
from pathlib import Path

from towpath.core.errors import InfrastructureError
from towpath.core.log import SEGMENT, frame

SEGMENTS = 16  # full files that the log's size holds, so that a sixteenth of it goes at once
MOST_FILES = 1_000  # of any size: workers that start often leave small ones


class Segments:
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
        found = sorted(path for path in self._folder.iterdir() if SEGMENT.fullmatch(path.name))
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
