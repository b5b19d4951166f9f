"""One at a time: a lock on a file, which the system gives back when its holder dies."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from towpath.core.errors import Conflict

PATIENCE = 10.0  # seconds; what is done under the lock takes milliseconds


@contextmanager
def only_one(path: Path, what: str, patience: float = PATIENCE) -> Iterator[None]:
    """Wait until nobody else holds the lock. Raises Conflict saying what it is that somebody else is doing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    until = time.monotonic() + patience
    with path.open("w") as file:
        while not _taken(file.fileno()):
            if time.monotonic() > until:
                raise Conflict(f"somebody else is {what} for {patience:g} seconds", hint="try again when they are done")
            time.sleep(0.02)
        yield


def _taken(handle: int) -> bool:
    """Windows has no fcntl, and every command comes by here."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
