"""One worker process, as its supervisor sees it: started, heard, its death explained."""

import os
import signal
import socket
import subprocess
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from time import monotonic
from typing import Any

from towpath.serving.supervising import watching
from towpath.serving.supervising.backoff import Death
from towpath.serving.supervising.channel import Channel, Lines
from towpath.serving.supervising.handed import VARIABLE, Handed
from towpath.serving.supervising.memory import Memory

HANG_SECONDS = 3.0  # without a beat, of which two come a second; found, killed and replaced is one within five
BUSY_SHARE = 0.25  # of that time: who used more of a core did not stand still, but ran on without end
LONGEST_LINE = 16 << 10  # bytes of stderr; megabytes without an end would be kept, and looked through at every read
LAST_LINES = 20  # of its log, told when it dies
WRONGS = {  # signals that a process brings upon itself
    number
    for name in ("SIGABRT", "SIGSEGV", "SIGBUS", "SIGILL", "SIGFPE", "SIGSYS", "SIGTRAP")
    if (number := getattr(signal, name, None))
}

Tell = Callable[[bytes], None]


class Process:
    """A worker in its slot. Raises OSError where the system starts no more processes."""

    def __init__(
        self,
        slot: int,
        command: Sequence[str],
        sockets: Sequence[socket.socket],
        table: Mapping[str, Any],
        quarantined: Sequence[str],
        relay: Tell,
    ):
        self.slot, self._relay = slot, relay
        with ExitStack() as kept, ExitStack() as given:  # without files left each step may fail: none must stay open
            self.memory = kept.enter_context(closing(Memory()))
            ours, theirs = socket.socketpair()
            self.channel = kept.enter_context(closing(Channel(ours)))
            given.callback(theirs.close)
            self.stderr, writing = os.pipe()
            kept.callback(os.close, self.stderr)
            given.callback(os.close, writing)
            files = [one.fileno() for one in sockets]
            handed = Handed(slot, os.getpid(), files, theirs.fileno(), self.memory.file, quarantined, table)
            self._process = subprocess.Popen(
                command,
                env={**os.environ, VARIABLE: handed.written()},
                pass_fds=handed.inherited(),
                stdin=subprocess.DEVNULL,
                stderr=writing,
            )
            self._close = kept.pop_all().close
        os.set_blocking(self.stderr, False)
        self.pid = self._process.pid
        self.began = self.heard_at = monotonic()
        self.ready_at: float | None = None
        self.generation = 0  # of the code that it runs
        self.given_up = ""  # why the supervisor killed it
        self.last_lines: deque[str] = deque(maxlen=LAST_LINES)
        self._lines = Lines(LONGEST_LINE)
        self._cpu_seconds = 0.0  # at the last beat
        self._kills_before = watching.kills_for_memory()
        self._hung_busy = self._killed_by_us = False

    @property
    def exit_code(self) -> int | None:
        """As it returned, or minus the signal that it died of; None while it lives."""
        return self._process.poll()

    def note_beat(self, now: float) -> None:
        self.heard_at, self._cpu_seconds = now, watching.cpu_seconds(self.pid)

    def is_hung(self, now: float) -> bool:
        return self.ready_at is not None and now - self.heard_at > HANG_SECONDS

    def is_ready_in(self, generation: int) -> bool:
        return self.generation == generation and self.ready_at is not None

    def kill(self) -> None:
        """At once; what it was at is looked at first, since that tells whether it or somebody else is to blame."""
        silent = monotonic() - self.heard_at
        used = watching.cpu_seconds(self.pid) - self._cpu_seconds
        self._hung_busy = used > BUSY_SHARE * silent and not watching.is_stopped(self.pid)
        self._killed_by_us = True
        self._process.kill()

    def ask_to_stop(self) -> None:
        self._process.terminate()

    def read_stderr(self) -> bytes | None:
        """Pass on what it says, line by line; b"" when nothing more will come, None when nothing is there now."""
        try:
            data = os.read(self.stderr, 1 << 16)
        except BlockingIOError:
            return None
        for line in self._lines.feed(data) if data else [self._lines.end()]:
            self._take(line)
        return data

    def death(self, now: float) -> Death:
        """How it ended; only after it has."""
        code = self.exit_code or 0
        ready = None if self.ready_at is None else now - self.ready_at
        by_somebody = code == -signal.SIGKILL and not self._killed_by_us and not self._short_of_memory()
        return Death(code, ready, by_somebody or code in (-signal.SIGTERM, -signal.SIGINT), self.given_up == "slow")

    def culprit(self) -> str:
        """The bundle whose model took the process with it; "" where it was none."""
        code = -(self.exit_code or 0)
        own_doing = code in WRONGS or (code == signal.SIGKILL and (self._hung_busy or self._short_of_memory()))
        return self.memory.running() if own_doing else ""

    def end(self) -> None:
        """It is dead: read what it left behind, and let go of it."""
        while self.read_stderr():
            pass
        self._close()

    def _short_of_memory(self) -> bool:
        return not self._killed_by_us and watching.kills_for_memory() > self._kills_before

    def _take(self, line: bytes) -> None:
        if line:
            self.last_lines.append(line.decode(errors="replace"))
            self._relay(line)


def told_of(code: int) -> dict[str, Any]:
    """An exit code as the journal tells it."""
    if code >= 0:
        return {"exit_code": code}
    try:
        return {"signal": signal.Signals(-code).name}
    except ValueError:
        return {"signal": -code}
