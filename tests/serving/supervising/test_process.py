"""A process as its supervisor sees it: what it was at when it died, and whose doing that was."""

import os
import resource
import signal
import socket
import sys
import time

import pytest

from towpath.serving.supervising import process as seen
from towpath.serving.supervising import watching
from towpath.serving.supervising.process import LONGEST_LINE, Process, told_of

DIGEST = "ab" * 32
MARKED = """
import os, signal, time
from towpath.serving.running import MARK
from towpath.serving.supervising.handed import handed_by
handed = handed_by(os.environ)
MARK.share(handed.memory)
MARK.enter(MARK.index("ab" * 32))
print("marked", file=__import__("sys").stderr, flush=True)
{then}
"""


@pytest.fixture
def started():
    """A process that marks a bundle as running and then does what it is told, and what it says."""
    said: list[bytes] = []
    made: list[Process] = []

    def start(then: str) -> Process:
        with socket.create_server(("127.0.0.1", 0)) as sock:
            command = [sys.executable, "-c", MARKED.format(then=then)]
            made.append(Process(0, command, [sock], {}, [], said.append))
        return made[-1]

    yield start, said
    for process in made:
        process.kill()
        process._process.wait()
        process.end()


def wait(process: Process) -> int:
    return process._process.wait(20)


def listen(process: Process, said: list[bytes]) -> None:
    until = time.monotonic() + 20
    while not said and time.monotonic() < until:
        process.read_stderr()
        time.sleep(0.01)
    assert said == [b"marked"]


def test_who_aborts_in_a_run_is_the_doing_of_that_bundle(started):
    start, _ = started
    process = start("os.abort()")

    assert wait(process) == -signal.SIGABRT and process.culprit() == DIGEST
    assert process.death(process.began).early


def test_who_ends_by_itself_is_nobodys_doing(started):
    start, _ = started
    process = start("raise SystemExit(3)")

    assert wait(process) == 3 and process.culprit() == ""


def test_who_is_killed_by_somebody_is_nobodys_doing(started):
    start, said = started
    process = start("time.sleep(60)")
    listen(process, said)
    process._process.send_signal(signal.SIGKILL)

    assert wait(process) == -signal.SIGKILL and process.culprit() == "" and process.death(0.0).killed


def test_who_is_killed_because_memory_was_short_is_the_doing_of_what_it_ran(started, monkeypatch):
    start, said = started
    process = start("time.sleep(60)")
    listen(process, said)
    before = watching.kills_for_memory()
    process._process.send_signal(signal.SIGKILL)
    wait(process)
    monkeypatch.setattr(watching, "kills_for_memory", lambda: before + 1)

    assert process.culprit() == DIGEST and not process.death(0.0).killed


@pytest.mark.parametrize(("then", "blamed"), [("while True: pass", DIGEST), ("time.sleep(60)", "")])
def test_of_the_hung_only_who_computed_without_end_is_the_doing_of_what_it_ran(started, then, blamed, monkeypatch):
    monkeypatch.setattr(seen, "BUSY_SHARE", 0.02)  # on a loaded machine half a second is a few ticks of the processor
    start, said = started
    process = start(then)
    listen(process, said)
    process.note_beat(time.monotonic())
    time.sleep(0.5)
    process.kill()
    wait(process)

    assert process.culprit() == blamed


def test_who_was_stopped_from_outside_is_nobodys_doing(started):
    start, said = started
    process = start("while True: pass")
    listen(process, said)
    process.note_beat(time.monotonic())
    time.sleep(0.3)
    process._process.send_signal(signal.SIGSTOP)
    while not watching.is_stopped(process.pid):
        time.sleep(0.01)
    process.kill()
    wait(process)

    assert process.culprit() == ""


def test_its_last_words_are_kept_in_bounds(started):
    start, _ = started
    process = start("[print(i, file=__import__('sys').stderr) for i in range(100)]; os.write(2, b'half')")
    wait(process)
    process.end()
    process.end = lambda: None

    assert list(process.last_lines)[-3:] == ["98", "99", "half"] and len(process.last_lines) == 20


def test_a_line_without_an_end_is_told_in_parts_and_holds_nobody_up(started):
    start, said = started
    process = start("[os.write(2, b'x' * 65536) for _ in range(800)]")
    while process.exit_code is None:
        process.read_stderr()
    process.end()
    process.end = lambda: None

    assert b"".join(said) == b"marked" + b"x" * (800 * 65536)
    assert max(map(len, said)) <= LONGEST_LINE + 65536


@pytest.mark.parametrize("room", range(9))
def test_a_process_that_cannot_be_started_for_want_of_files_takes_none(room):
    """Each new try would find fewer, until not even the supervisor's own are left."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    before = set(os.listdir("/proc/self/fd"))
    with socket.create_server(("127.0.0.1", 0)) as sock:
        held = [os.open(os.devnull, os.O_RDONLY)]
        while held[-1] <= max(map(int, before)):
            held.append(os.open(os.devnull, os.O_RDONLY))
        resource.setrlimit(resource.RLIMIT_NOFILE, (held[-1] + 1 + room, hard))
        try:
            with pytest.raises(OSError, match="Too many open files"):
                Process(0, ["true"], [sock], {}, [], print)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            for file in held:
                os.close(file)

    assert set(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize(("code", "told"), [(8, {"exit_code": 8}), (-11, {"signal": "SIGSEGV"}), (-60, {"signal": 60})])
def test_an_end_is_told_by_its_code_or_by_the_name_of_its_signal(code, told):
    assert told_of(code) == told
