"""The history file of a data set, `data.history.jsonl` beside service.py: committed with the code, only ever added to.

It lies there and not in .towpath/, so that a fresh clone knows every version by its sha256 and can pull it.
"""

import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from towpath.core import formats
from towpath.core.dataset import Happened, History, history_of
from towpath.core.errors import InfrastructureError
from towpath.data.lock import only_one

FILE = "data.history.jsonl"

Decide = Callable[[History], Sequence[Happened]]
"""What is to be added, seeing all that happened so far."""


@dataclass(frozen=True)
class Ledger:
    """The history file of one service and the lock that its writers share."""

    path: Path
    lock: Path

    def read(self) -> History:
        """Raises VerificationRefused naming the line that cannot be read, or that contradicts an earlier one."""
        return history_of([self._event(number, line) for number, line in self._lines()], str(self.path))

    def append(self, decide: Decide) -> History:
        """Add lines, nobody else adding meanwhile; the file is replaced whole, so it is never half written.

        Raises Conflict where somebody else holds the lock, InfrastructureError where the disk refuses.
        """
        with only_one(self.lock, f"changing {self.path}"):
            before = self.read()
            added = decide(before)
            if not added:
                return before
            after = history_of([*before.events, *added], str(self.path))
            try:
                _replace(self.path, b"".join(formats.canonical(event) + b"\n" for event in after.events))
            except OSError as error:
                raise InfrastructureError(
                    f"cannot write {self.path}: {error.strerror}; it is as it was",
                    hint="free some space or check permissions, then give the command again",
                ) from error
            return after

    def _lines(self) -> list[tuple[int, bytes]]:
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return []
        return [(number, line) for number, line in enumerate(content.split(b"\n"), start=1) if line.strip()]

    def _event(self, number: int, line: bytes) -> Happened:
        return formats.read_record(line, Happened, formats.DATA_HISTORY, f"{self.path}, line {number}")


def _replace(path: Path, content: bytes) -> None:
    handle, name = tempfile.mkstemp(prefix=".writing-", dir=path.parent)
    written = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        written.chmod(0o644)
        written.replace(path)
        sync_folder(path.parent)
    finally:
        written.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Only then has a rename in it come to stay."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
