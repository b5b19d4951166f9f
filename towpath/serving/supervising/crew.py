"""The workers of a supervisor: started when they are due, heard while they live, and what follows when one dies."""

import contextlib
import selectors
from collections.abc import Callable, Iterator, Mapping, Sequence
from time import monotonic
from typing import Any

from towpath.core.errors import Exit, TowpathError
from towpath.serving import journal
from towpath.serving.supervising.backoff import Death, delay_after, is_hopeless
from towpath.serving.supervising.plan import Plan, failure_of
from towpath.serving.supervising.process import Process, told_of
from towpath.serving.supervising.quarantine import DEATHS, Quarantine
from towpath.serving.supervising.scraping import Scraping
from towpath.serving.supervising.slots import Slot
from towpath.serving.supervising.sums import Family

Message = Mapping[str, Any]
WHYS = ("exit", "signal", "hung", "slow", "late")


class Crew:
    """crew.tend(now) looks at everything; between such looks the selector's events tell what workers say."""

    def __init__(self, plan: Plan, selector: selectors.BaseSelector):
        self._plan, self._selector = plan, selector
        self.slots: list[Slot] = []
        self.generation = 1  # of the code: an upgrade begins the next
        self.stopping = False
        self.failure: TowpathError | None = None  # why there is no sense in going on
        self.quarantine = Quarantine()
        self.scraping = Scraping(self.serving, self._own_figures)
        self._deaths = dict.fromkeys(WHYS, 0)
        self._ever_ready = False

    def tend(self, now: float) -> None:
        """Bury the dead, give up on the hung and the late, start who is due."""
        for slot in list(self.slots):
            self._bury(slot, now)
            self._look_after(slot, now)
            if slot.worker is None and now >= slot.start_at and not self.stopping and not slot.closing:
                slot.worker = self.start(slot, now)
            if not slot.joined:
                break  # the kernel numbers sockets as they come to listen, and slots close from the last to the first
        self.scraping.expire(now)

    def start(self, slot: Slot, now: float) -> Process | None:
        """A process for a slot; None where the system starts none."""
        plan = self._plan
        try:
            quarantined = sorted(self.quarantine.digests)
            process = Process(slot.number, plan.command, slot.sockets, plan.table, quarantined, _relay(slot.number))
        except OSError as error:  # no process, file or memory left: the next try may find some
            journal.tell("worker_not_started", slot=slot.number, problem=str(error))
            self._note_failure(slot, now, Death(Exit.INFRASTRUCTURE, None), [f"towpath: {error}"])
            return None
        process.generation = self.generation
        self._selector.register(process.channel, selectors.EVENT_READ, lambda events: self._exchange(process, events))
        self._selector.register(process.stderr, selectors.EVENT_READ, lambda _: self._listen(process))
        journal.tell("worker_started", slot=slot.number, pid=process.pid)
        return process

    def processes(self) -> Iterator[Process]:
        for slot in self.slots:
            yield from slot.processes()

    def serving(self) -> Iterator[tuple[Process, bool]]:
        """Those that have been ready, and whether they stay."""
        for slot in self.slots:
            yield from slot.serving()

    def say(self, **facts: Any) -> None:
        """Tell every worker."""
        for process in self.processes():
            process.channel.say(**facts)
            self._watch_for_room(process)

    def give_up_on(self, process: Process, why: str, event: str, **facts: Any) -> None:
        """Kill it, and tell why; once."""
        if not process.given_up:
            process.given_up = why
            journal.tell(event, slot=process.slot, pid=process.pid, **facts)
            process.kill()

    def forgive(self, seconds: float) -> None:
        """All stood still for so long, this process too: nobody could have been heard."""
        for process in self.processes():
            process.heard_at += seconds
            process.began += seconds

    # what workers say

    def _listen(self, process: Process) -> None:
        if process.read_stderr() == b"":
            self._selector.unregister(process.stderr)

    def _exchange(self, process: Process, events: int) -> None:
        if events & selectors.EVENT_WRITE:
            process.channel.go_on()
        if events & selectors.EVENT_READ:
            for message in process.channel.heard():
                self._take(process, message, monotonic())
        if process.channel.open:
            self._watch_for_room(process)
        else:
            self._selector.unregister(process.channel)

    def _watch_for_room(self, process: Process) -> None:
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if process.channel.behind else 0)
        with contextlib.suppress(KeyError):  # it has hung up
            key = self._selector.get_key(process.channel)
            if key.events != wanted:
                self._selector.modify(process.channel, wanted, key.data)

    def _take(self, process: Process, message: Message, now: float) -> None:
        """What this version does not know is left alone: the worker may be of a newer one."""
        process.note_beat(now)
        match message:
            case {"ready": _}:
                self._note_ready(process, now)
            case {"scrape": int(number), "text": str(text)}:
                self.scraping.begin(process, number, text, now)
                for one in self.processes():
                    self._watch_for_room(one)
            case {"told": int(number), "text": str(text)}:
                self.scraping.take(process, number, text)
            case {"last": str(text)}:
                self.scraping.take_last(process, text)

    def _note_ready(self, process: Process, now: float) -> None:
        process.ready_at, self._ever_ready = now, True
        slot = self._slot_of(process)
        slot.failed_starts, slot.joined = 0, True
        journal.tell("worker_ready", slot=slot.number, pid=process.pid, seconds=round(now - process.began, 3))

    # who is silent, late or dead

    def _look_after(self, slot: Slot, now: float) -> None:
        allowed = self._plan.start_seconds
        for process in slot.processes():
            if process.is_hung(now):
                self.give_up_on(process, "hung", "worker_hung", silent_seconds=round(now - process.heard_at, 1))
            elif process.ready_at is None and now - process.began > allowed:
                hint = f"--start-seconds {2 * allowed:g} gives it longer"
                self.give_up_on(process, "slow", "worker_slow", start_seconds=allowed, hint=hint)
        if now > slot.leaves_until:
            for process in [slot.leaving] if slot.leaving else slot.processes() if slot.closing else ():
                self.give_up_on(process, "late", "worker_late")

    def _bury(self, slot: Slot, now: float) -> None:
        """Let go of those that have ended, and see what follows from it."""
        for process in list(slot.processes()):
            if process.exit_code is None:
                continue
            self._hear_out(process)
            asked = self.stopping or slot.closing or process is slot.leaving
            succeeding = process is slot.successor
            slot.drop(process)
            if asked:
                journal.tell("worker_ended", slot=slot.number, pid=process.pid, **told_of(process.exit_code))
            else:
                self._mourn(slot, process, succeeding, now)
            process.end()

    def _hear_out(self, process: Process) -> None:
        """Its last words."""
        while process.channel.open:
            messages = list(process.channel.heard())
            for message in messages:
                self._take(process, message, monotonic())
            if not messages:
                break
        while process.read_stderr():
            pass
        for file in (process.channel, process.stderr):
            with contextlib.suppress(KeyError):  # it had closed that itself
                self._selector.unregister(file)
        self.scraping.forget(process)

    def _mourn(self, slot: Slot, process: Process, succeeding: bool, now: float) -> None:
        """A worker ended that nobody had asked to."""
        death = process.death(now)
        self._deaths[process.given_up or ("exit" if death.code >= 0 else "signal")] += 1
        lines = [] if death.killed else list(process.last_lines)
        facts: dict[str, Any] = {"slot": slot.number, "pid": process.pid, **told_of(death.code), "last_lines": lines}
        if culprit := process.culprit():
            facts["while_running"] = culprit
            self._note_culprit(culprit, now)
        if succeeding:
            journal.tell("upgrade_failed", **facts, hint="the worker that it was to replace goes on")
            slot.refused_generation = process.generation
            return
        self._note_failure(slot, now, death, lines)
        journal.tell("worker_died", **facts, again_in_seconds=round(max(0.0, slot.start_at - now), 1))

    def _note_failure(self, slot: Slot, now: float, death: Death, lines: Sequence[str]) -> None:
        slot.early_deaths = slot.early_deaths + 1 if death.early else 0
        slot.failed_starts += death.ready_seconds is None
        slot.start_at = now + delay_after(slot.early_deaths)
        if is_hopeless(death, slot.failed_starts, self._ever_ready) and not self.failure:
            self.failure = failure_of(self._plan, death, lines)

    def _note_culprit(self, digest: str, now: float) -> None:
        if self.quarantine.note(digest, now):
            hint = "it is answered 503 until another bundle is served, or SIGHUP gives it another chance"
            journal.tell("quarantined", bundle=digest, deaths=DEATHS, hint=hint)
            self.say(quarantine=sorted(self.quarantine.digests))

    def _slot_of(self, process: Process) -> Slot:
        return next(slot for slot in self.slots if slot.number == process.slot)

    def _own_figures(self) -> dict[str, Family]:
        asked, ready = float(len(self.slots)), float(sum(stays for _, stays in self.serving()))
        deaths = {f'towpath_worker_deaths_total{{reason="{why}"}}': float(many) for why, many in self._deaths.items()}
        return {
            "towpath_workers": Family("gauge", "Workers that should run.", {"towpath_workers": asked}),
            "towpath_workers_ready": Family("gauge", "Workers that answer.", {"towpath_workers_ready": ready}),
            "towpath_worker_deaths_total": Family("counter", "Workers that ended unasked, by how.", deaths),
        }


def _relay(slot: int) -> Callable[[bytes], None]:
    """What a worker logs goes on as it is; whatever else it says becomes a line of the log."""

    def relay(line: bytes) -> None:
        if line.startswith(b'{"time": ') and line.endswith(b"}"):
            journal.pass_on(line)
        else:
            journal.tell("worker_said", slot=slot, line=line.decode(errors="backslashreplace"))

    return relay
