"""The thread that follows all routes files of a worker: the loop only ever sees finished tables."""

import sys
import threading
from collections.abc import Callable, Sequence

from towpath.serving import journal
from towpath.serving.routing.acknowledging import Acknowledging
from towpath.serving.routing.following import Follower
from towpath.serving.routing.loading import Pool

EVERY_SECONDS = 0.02  # between looks: 3 us for each file, and a rollback is under way within 20 ms
SWITCH_SECONDS = 0.0005  # that Python lets one thread go on while another waits; its own 5 ms would be seen in a p99
JOIN_SECONDS = 1.0  # for a look that is under way; what opens a bundle ends with the process


class Watching:
    """Watching(followers, pool, acknowledging, quarantined).start(); .stop()"""

    def __init__(
        self,
        followers: Sequence[Follower],
        pool: Pool,
        acknowledging: Acknowledging,
        quarantined: Callable[[], frozenset[str]] = frozenset,
    ):
        self._followers, self._pool, self._acknowledging = followers, pool, acknowledging
        self._quarantined = quarantined
        self._ended, self.looked = threading.Event(), threading.Event()  # looked: since what it began with was told
        self._thread = threading.Thread(target=self._watch, name="routes", daemon=True)

    def start(self) -> None:
        """First say what is acted upon, then look again: who replaces a file meanwhile waits for this worker, too."""
        sys.setswitchinterval(SWITCH_SECONDS)
        self._acknowledging.clear()
        self._acknowledging.tell(self._followers, self._pool)
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        self._thread.join(JOIN_SECONDS)

    def look(self) -> None:
        """Look at every file once, and acknowledge; then open what would be wanted next."""
        without = self._quarantined()
        self._tell_and_warm([one for one in self._followers if one.look(without)])

    def _begin(self) -> None:
        try:
            self.look()
        finally:
            self.looked.set()
        self._tell_and_warm(self._followers)

    def _tell_and_warm(self, changed: Sequence[Follower]) -> None:
        self._acknowledging.tell(self._followers, self._pool)
        for one in changed:
            one.warm()

    def _watch(self) -> None:
        step = self._begin
        while not self._ended.is_set():
            try:
                step()
            except Exception as error:  # the door: this thread must not end before the worker does
                journal.tell("routes_failed", **journal.traced(error))
            step = self.look
            self._ended.wait(EVERY_SECONDS)
