"""A slot: the sockets that stay, and the processes that come and go on them."""

import socket
from collections.abc import Iterator, Sequence

from towpath.serving.supervising.process import Process


class Slot:
    """`worker` serves it; in an upgrade `successor` starts beside it, and `leaving` finishes what it was asked."""

    def __init__(self, number: int, sockets: Sequence[socket.socket], joined: bool):
        self.number, self.sockets = number, sockets
        self.joined = joined  # the sockets listen; else they do from when the first worker here is ready
        self.worker: Process | None = None
        self.successor: Process | None = None
        self.leaving: Process | None = None
        self.start_at = 0.0
        self.early_deaths = 0  # in a row
        self.failed_starts = 0  # in a row
        self.refused_generation = 0  # of the code with which its successor did not become ready
        self.leaves_until = 0.0
        self.closing = False

    def processes(self) -> Iterator[Process]:
        yield from (one for one in (self.worker, self.successor, self.leaving) if one)

    def serving(self) -> Iterator[tuple[Process, bool]]:
        """Those that have been ready, and whether they stay."""
        both = [one for one in (self.worker, self.leaving) if one and one.ready_at is not None]
        yield from ((one, one is self.worker) for one in both)

    def drop(self, process: Process) -> None:
        """It ended; a successor takes its place where it was the worker."""
        if process is self.worker:
            self.worker, self.successor = self.successor, None
        elif process is self.successor:
            self.successor = None
        else:
            self.leaving = None

    def change_over(self, until: float) -> Process | None:
        """The successor serves from now on; who leaves has until then to finish."""
        self.worker, self.successor, self.leaving = self.successor, None, self.worker
        self.leaves_until = until
        return self.leaving

    def close(self) -> None:
        for one in self.sockets:
            one.close()
