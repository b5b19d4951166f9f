"""The file in which a worker says what it acts upon; replaced whole, and never in the way of an answer."""

import contextlib
import os
import threading
from collections.abc import Sequence
from pathlib import Path

from towpath.bundle.routes import Look, look_at
from towpath.core import formats
from towpath.core.acknowledged import Acknowledged, Acknowledgement
from towpath.serving import journal
from towpath.serving.routing.following import Follower
from towpath.serving.routing.loading import Pool


class Acknowledging:
    """Acknowledging(folder, "2").tell(followers, pool) writes `folder/2-4711.json` where it would say something new.

    2 is the worker's slot, 4711 its process: while one worker takes over from another both answer, and both say so.
    Without a supervisor there is the process alone.
    """

    def __init__(self, folder: Path | None, slot: str = ""):
        name = f"{slot}-{os.getpid()}" if slot else str(os.getpid())
        self._folder, self._slot, self._name = folder, slot, name
        self._path = folder / f"{name}.json" if folder else None
        self._seen: list[object] = []
        self._written: Look | None = None
        self._trouble = ""
        self._ended = threading.Event()

    def tell(self, followers: Sequence[Follower], pool: Pool) -> None:
        """Without fail: a disk that is full must not stop a swap, it only delays who waits for this."""
        seen = [pool.changes, *((id(one.table), one.refused) for one in followers)]
        if self._path is None or self._ended.is_set() or (seen == self._seen and look_at(self._path) == self._written):
            return
        content = formats.canonical(Acknowledgement(self._name, os.getpid(), _services(followers, pool)))
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            beside = self._path.with_name(f"{self._name}.writing")  # whoever reads `*.json` does not find it
            beside.write_bytes(content)  # not synced: after a crash there is no worker that acts upon anything
            beside.rename(self._path)
        except OSError as error:
            self._complain(f"{self._path}: {error.strerror}")
        else:
            self._seen, self._trouble, self._written = seen, "", look_at(self._path)
        if self._ended.is_set():  # meanwhile: the thread that opens a bundle is not waited for
            self.withdraw()

    def withdraw(self) -> None:
        """A worker that has ended acts upon nothing, and says no more, whatever its thread still does."""
        self._ended.set()
        if self._path:
            with contextlib.suppress(OSError):
                self._path.unlink()

    def clear(self) -> None:
        """Remove what workers in this place left that were killed."""
        if self._folder is None or not self._slot:
            return
        with contextlib.suppress(OSError):
            for path in self._folder.glob(f"{self._slot}-*.json"):
                pid = path.stem.partition("-")[2]
                if pid.isdigit() and not _alive(int(pid)):
                    path.unlink()

    def _complain(self, trouble: str) -> None:
        if trouble != self._trouble:
            self._trouble = trouble
            journal.tell("unacknowledged", problem=trouble)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's
        return True
    return True


def _services(followers: Sequence[Follower], pool: Pool) -> dict[str, Acknowledged]:
    return {one.table.routes.name: _of(one, pool) for one in followers if one.table}


def _of(follower: Follower, pool: Pool) -> Acknowledged:
    refused = follower.refused
    name = follower.table.routes.name if follower.table else follower.name
    return Acknowledged(
        follower.generation,
        round(follower.since, 6),
        pool.live(name),
        pool.warm_ids(),
        refused.reason if refused else "",
        str(refused)[:1000] if refused else "",
    )
