"""Keeps workers running on sockets of its own, so that one which dies, hangs or is replaced refuses nobody.

It opens no bundle and knows no control plane: it starts `python -m towpath.serving` with what it was started with,
hands each process the sockets of its slot, and listens to their beats.
"""

import contextlib
import os
import selectors
import signal
import socket
import sys
from collections import deque
from collections.abc import Callable, Iterator
from time import monotonic

from towpath.core.errors import UsageError
from towpath.serving import journal
from towpath.serving.ports import BACKLOG, join, listen, refuse_taken
from towpath.serving.supervising import steering
from towpath.serving.supervising.crew import Crew
from towpath.serving.supervising.plan import Plan
from towpath.serving.supervising.slots import Slot
from towpath.version import VERSION

TICK_SECONDS = 0.2  # between looks at who is silent, who is due, who is late
LATE_SECONDS = 1.0  # between two looks: then it was the supervisor or the machine that stood still, not the workers
STOP_SECONDS = 7.5  # until those still there are killed; a worker drains in seven, Docker and Cloud Run wait for ten
LEAVE_SECONDS = 10.0  # for a worker that was replaced; nobody waits for it
IDLE_SECONDS = 5.0  # that idle connections of a replaced worker may stay: most ask once more, and are told to come anew
BALANCED = sys.platform == "linux"  # elsewhere SO_REUSEPORT does not share connections out, so slots share sockets


def supervise(plan: Plan) -> None:
    """Keep the workers running until SIGTERM or SIGINT; returns when all have ended.

    SIGHUP replaces each by one with the code that is installed now, SIGTTIN adds one, SIGTTOU takes one away.
    Raises InfrastructureError (port taken), UsageError, or TowpathError with the last words and the exit code of a
    worker when none could be started at all.
    """
    if os.name != "posix":
        raise UsageError("--workers needs Linux or macOS", hint="without it one worker runs in this process")
    supervisor = Supervisor(plan)
    try:
        supervisor.run()
    finally:
        supervisor.close()
        journal.flush()


class Supervisor:
    """One loop: what workers say as they say it, and five times a second a look at everything."""

    def __init__(self, plan: Plan):
        self._plan = plan
        self._selector = selectors.DefaultSelector()
        self._crew = Crew(plan, self._selector)
        self._orders: deque[int] = deque()  # numbers of signals
        self._to_upgrade: deque[Slot] = deque()
        self._stop_until = 0.0
        self._terminal = _has_terminal()
        first = listen(plan.host, plan.port, plan.insecure, shared=BALANCED)
        self._port: int = first[0].getsockname()[1]
        if plan.metrics_port:  # once, since the workers join whoever is there; after the other, which it must not be
            refuse_taken(plan.host, plan.metrics_port)
        self._crew.slots.append(Slot(0, first, joined=True))
        for _ in range(plan.workers - 1):
            slot = self._add_slot()
            for sock in slot.sockets:
                sock.listen(BACKLOG)  # who comes before the workers waits for them
            slot.joined = True

    def run(self) -> None:
        """Until told to stop and all workers have ended. Raises TowpathError where none could be started."""
        self._tell_supervising()
        with _signals(self._orders.append, self._selector):
            before = monotonic()
            self._look(before)
            while not self._crew.stopping or any(self._crew.processes()):
                for key, events in self._selector.select(self._patience()):
                    key.data(events)
                now = monotonic()
                if now - before > LATE_SECONDS:
                    self._crew.forgive(now - before)
                before = now
                self._look(now)
        journal.tell("supervisor_stopped", pid=os.getpid())
        if self._crew.failure:
            raise self._crew.failure

    def close(self) -> None:
        """The ports are free from here on."""
        for process in self._crew.processes():  # only where an error broke the loop
            process.kill()
        for slot in self._crew.slots:
            slot.close()
        self._selector.close()

    def _tell_supervising(self) -> None:
        facts = {"workers": len(self._crew.slots), "pid": os.getpid(), "towpath": VERSION}
        journal.tell("supervising", host=self._plan.host, port=self._port, **facts)

    def _patience(self) -> float:
        until = self._crew.scraping.until()
        return TICK_SECONDS if until is None else max(0.0, min(TICK_SECONDS, until - monotonic()))

    def _look(self, now: float) -> None:
        while self._orders:
            self._obey(self._orders.popleft(), now)
        self._crew.tend(now)
        if self._crew.failure:
            self._stop(now)
        if self._crew.stopping:
            if now > self._stop_until:
                for process in self._crew.processes():
                    self._crew.give_up_on(process, "late", "worker_late")
            return
        if self._to_upgrade:
            self._upgrade(self._to_upgrade[0], now)
        for slot in [slot for slot in self._crew.slots if slot.closing and not any(slot.processes())]:
            self._remove(slot)

    def _obey(self, number: int, now: float) -> None:
        if number in (signal.SIGTERM, signal.SIGINT) or (number == signal.SIGHUP and self._lost_terminal()):
            self._stop(now)
        elif self._crew.stopping:
            return
        elif number == signal.SIGHUP:
            self._begin_upgrade()
        elif number == signal.SIGTTIN:
            self._tell_scaled(self._add_slot())
        elif number == signal.SIGTTOU:
            self._close_last_slot(now)

    def _stop(self, now: float) -> None:
        """Once, however often it is asked for."""
        if self._crew.stopping:
            return
        self._crew.stopping, self._stop_until = True, now + STOP_SECONDS
        journal.tell("stopping", workers=len(self._crew.slots))
        for process in self._crew.processes():
            process.ask_to_stop()

    def _lost_terminal(self) -> bool:
        """A terminal that is closed sends SIGHUP too, and means the end."""
        return self._terminal and not _has_terminal()

    # upgrades

    def _begin_upgrade(self) -> None:
        """Of all, even where one is under way: those that it has replaced may run what was installed before."""
        self._crew.generation += 1
        self._crew.quarantine.lift()
        self._to_upgrade = deque(self._crew.slots)
        journal.tell("upgrading", workers=len(self._to_upgrade))

    def _upgrade(self, slot: Slot, now: float) -> None:
        """One step: start a successor; when it is ready change over; when the other has left go on to the next slot."""
        newest = self._crew.generation
        if slot.refused_generation == newest:
            self._to_upgrade.clear()
        elif slot.closing or (slot.leaving is None and slot.worker and slot.worker.is_ready_in(newest)):
            self._to_upgrade.popleft()
            if not self._to_upgrade:
                journal.tell("upgraded", workers=len(self._crew.slots))
        elif slot.successor and slot.successor.ready_at is not None and slot.leaving is None:
            if leaving := slot.change_over(now + LEAVE_SECONDS):
                leaving.channel.say(drain=IDLE_SECONDS)
        elif slot.worker and slot.worker.generation != newest and not slot.successor and not slot.leaving:
            slot.successor = self._crew.start(slot, now)
            if slot.successor is None:
                slot.refused_generation = newest

    # more workers, or fewer

    def _add_slot(self) -> Slot:
        """Its sockets begin to listen when its worker does."""
        crew = self._crew
        if BALANCED:
            sockets = join(self._plan.host, self._port)
        else:
            sockets = [socket.socket(fileno=os.dup(one.fileno())) for one in crew.slots[0].sockets]
        crew.slots.append(Slot(crew.slots[-1].number + 1, sockets, joined=not BALANCED))
        return crew.slots[-1]

    def _close_last_slot(self, now: float) -> None:
        """One worker less; what waits in its socket is accepted and answered first. The last worker stays."""
        crew, slot = self._crew, self._crew.slots[-1]
        if len(crew.slots) == 1 or slot.closing:
            return
        slot.closing, slot.leaves_until = True, now + LEAVE_SECONDS
        steering.steer_to_first(len(crew.slots) - 1, crew.slots[0].sockets)
        for process in slot.processes():
            process.channel.say(drain=IDLE_SECONDS) if process.ready_at is not None else process.ask_to_stop()

    def _remove(self, slot: Slot) -> None:
        slot.close()
        self._crew.slots.remove(slot)
        steering.steer_to_all(self._crew.slots[0].sockets)
        self._tell_scaled(slot)

    def _tell_scaled(self, slot: Slot) -> None:
        journal.tell("scaled", workers=len(self._crew.slots), slot=slot.number)


def _has_terminal() -> bool:
    """Whether this process belongs to a terminal; it does no more when that was closed."""
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY))
        return True
    except OSError:
        return False


@contextlib.contextmanager
def _signals(order: Callable[[int], None], selector: selectors.BaseSelector) -> Iterator[None]:
    """Signals become orders, and end the sleep of the loop."""
    waking, woken = socket.socketpair()
    waking.setblocking(False)
    woken.setblocking(False)
    selector.register(woken, selectors.EVENT_READ, lambda _: woken.recv(4096))
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGTTIN, signal.SIGTTOU, signal.SIGCHLD)
    before = {number: signal.signal(number, lambda number, _: order(number)) for number in numbers}
    wakeup = signal.set_wakeup_fd(waking.fileno(), warn_on_full_buffer=False)
    try:
        yield
    finally:
        signal.set_wakeup_fd(wakeup)
        for number, handler in before.items():
            signal.signal(number, handler)
        selector.unregister(woken)
        waking.close()
        woken.close()
