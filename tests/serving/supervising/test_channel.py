"""Lines of JSON between supervisor and worker, over a socket that never blocks."""

import json
import socket

import pytest

from towpath.serving.supervising.channel import MOST_WAITING, Channel, Lines


@pytest.fixture
def ends():
    ours, theirs = socket.socketpair()
    yield Channel(ours), theirs
    ours.close()
    theirs.close()


def test_lines_come_out_whole_however_they_came_in():
    lines = Lines()

    assert [lines.feed(part) for part in (b"on", b"e\ntwo\nth", b"ree")] == [[], [b"one", b"two"], []]
    assert lines.end() == b"three" and lines.end() == b""


def test_messages_are_heard_in_order_and_what_is_none_is_left_out(ends):
    channel, theirs = ends
    theirs.sendall(b'{"beat": 1}\nnot json\n[1]\n{"ready": 2}\n{"half')

    assert list(channel.heard()) == [{"beat": 1}, {"ready": 2}] and channel.open


@pytest.mark.parametrize("line", [b"[" * 200_000, b'{"beat": ' + b"9" * 10_000 + b"}", b"\xff\xfe{}", b"\0", b"NaN"])
def test_a_line_that_is_no_message_ends_nobody(ends, line):
    channel, theirs = ends
    theirs.setblocking(False)
    heard = []
    for start in range(0, len(line), 50_000):
        theirs.sendall(line[start : start + 50_000])
        heard += channel.heard()
    theirs.sendall(b'\n{"ready": 2}\n')

    assert heard + list(channel.heard()) == [{"ready": 2}]


def test_the_other_side_hanging_up_is_told(ends):
    channel, theirs = ends
    theirs.close()

    assert list(channel.heard()) == [] and not channel.open


def test_a_worker_that_does_not_read_blocks_nobody_and_gets_it_all_when_it_does(ends):
    channel, theirs = ends
    long = "x" * (1 << 20)
    channel.say(text=long)
    assert channel.behind
    heard = b""
    while channel.behind:
        heard += theirs.recv(1 << 20)
        channel.go_on()
    theirs.setblocking(False)
    heard += theirs.recv(1 << 22)

    assert json.loads(heard) == {"text": long}


def test_what_waits_for_a_worker_that_never_reads_is_bounded(ends):
    channel, _ = ends
    for _ in range(100):
        channel.say(text="x" * (1 << 20))

    assert len(channel._waiting) < MOST_WAITING + (2 << 20)


def test_to_a_worker_that_is_gone_nothing_is_said(ends):
    channel, theirs = ends
    theirs.close()
    channel.say(drain=1.0)

    assert not channel.behind
