"""The log: lines that no client can forge."""

import json
import os
import threading
import time
import warnings

from towpath.serving import journal
from towpath.serving.journal import Lines


def test_what_clients_send_cannot_end_a_line_or_paint_a_terminal(capfd):
    journal.tell("handler_failed", path=b"/a\n{}\x1b[31m%0a", note="é\x7f\u2028\x1b")
    journal.flush()
    written = capfd.readouterr().err

    assert written.count("\n") == 1 and all(" " <= character <= "~" for character in written[:-1])
    assert json.loads(written)["path"] == "/a\\n{}\\x1b[31m%0a"


def test_an_error_is_told_by_kind_and_place_without_its_message():
    try:
        raise ValueError("the customer's text")
    except ValueError as error:
        told = journal.traced(error)

    assert told["error"] == "ValueError" and __file__ in told["at"][0] and "customer" not in str(told)


def test_a_warning_of_a_library_is_told_by_kind_and_place_without_its_message(capfd):
    with warnings.catch_warnings():  # which puts back what tells of them
        warnings.simplefilter("always")
        journal.tell_warnings()
        warnings.warn("overflow of the customer's number", RuntimeWarning, stacklevel=1)
    journal.flush()
    (line,) = capfd.readouterr().err.splitlines()

    assert json.loads(line)["warning"] == "RuntimeWarning" and __file__ in json.loads(line)["at"]
    assert "customer" not in line


def test_what_json_does_not_know_is_told_as_text(capfd, tmp_path):
    journal.tell("unready", bundle=tmp_path)
    journal.flush()

    assert json.loads(capfd.readouterr().err)["bundle"] == str(tmp_path)


def test_who_tells_does_not_wait_for_who_reads_and_lines_without_room_are_counted():
    reading, writing = os.pipe()
    lines, began = Lines(writing, room=10), time.monotonic()
    for _ in range(100):
        lines.put(b"x" * 65_536)  # the first fills the pipe
    lines.flush(0.1)

    assert time.monotonic() - began < 1 and lines.dropped >= 88
    dropped = lines.dropped
    threading.Thread(target=lambda: all(iter(lambda: os.read(reading, 65_536), b"")), daemon=True).start()
    lines.flush(5)
    lines.put(b"!")
    lines.flush(5)
    os.close(writing)
    assert lines.dropped == dropped


def test_lines_are_dropped_and_counted_where_nobody_listens_and_written_again_when_somebody_does():
    reading, writing = os.pipe()
    os.close(reading)
    lines = Lines(writing)
    lines.put(b"a")
    lines.put(b"b")
    lines.flush(5)
    assert lines.dropped == 2

    reading, other = os.pipe()
    os.dup2(other, writing)
    lines.put(b"c")
    lines.flush(5)
    assert os.read(reading, 10) == b"c" and lines.dropped == 2


def test_a_process_without_stderr_writes_to_no_other_file():
    lines = Lines(journal.NOWHERE)
    lines.put(b"a")
    lines.flush(5)

    assert lines.dropped == 1
