"""Writes one generation after the other, as delivery does, and keeps the time line of what was live."""

import signal
import threading
import time
from collections.abc import Callable
from itertools import cycle

from bench.soaking.clients import wait_for
from bench.soaking.crew import Crew, Killed, changed_at
from bench.soaking.releases import NEW, OLD, SERVICE
from bench.soaking.timeline import Timeline
from tests.serving.routed import Site

NAME = f"{SERVICE}/prod"
INDEXES = {OLD: 0, NEW: 1}  # as the questions list them


class Swapping:
    """All to one revision, all to the other, and back; the next only when every worker has acknowledged the last."""

    def __init__(self, here: Site, crew: Crew):
        self._here, self._crew = here, crew
        self._numbers = cycle((NEW, OLD))
        self.swaps = 0
        self._acknowledged()
        self.timeline = Timeline(INDEXES[OLD], 0.0)

    def swap(self) -> None:
        number = next(self._numbers)
        self._here.write({number: 100}, also=(OLD, NEW))
        self.timeline.begin(INDEXES[number], changed_at(self._here.path))
        self.timeline.end(self._acknowledged())
        self.swaps += 1

    def swap_for(self, swaps: int, wait: Callable[[float], None], more: Callable[[], bool] = lambda: False) -> None:
        """So many swaps, and more while there is a wish; wait is told the share that is done."""
        begun = self.swaps
        while (done := self.swaps - begun) < swaps or more():
            self.swap()
            wait(min(1.0, (done + 1) / swaps))

    def _acknowledged(self) -> float:
        """When it is known that every worker has."""
        generation = self._here.generation
        wait_for(lambda: self._crew.act_upon(NAME, generation), f"every worker acts upon generation {generation}")
        return time.monotonic()


class Beating:
    """Beside the swaps: in each round a worker is killed, and when it is replaced all are upgraded."""

    def __init__(self, crew: Crew, rounds: int):
        self._crew, self._rounds = crew, rounds
        self.kills: list[Killed] = []
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def goes_on(self) -> bool:
        """Raises what went wrong."""
        if self._error:
            raise self._error
        return self._thread.is_alive()

    def _run(self) -> None:
        try:
            for one in range(1, self._rounds + 1):
                self._round(one)
        except Exception as error:  # whoever asks whether it goes on is told
            self._error = error

    def _round(self, number: int) -> None:
        time.sleep(0.5)
        ready = self._crew.events["worker_ready"]
        self.kills.append(self._crew.kill_one())
        self._crew.wait_for("worker_ready", ready + 1)
        time.sleep(0.5)
        self._crew.process.send_signal(signal.SIGHUP)
        self._crew.wait_for("upgraded", number)
