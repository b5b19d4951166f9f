"""Every case of the framing corpus, sent whole, byte by byte, and split at every position."""

import socket
import threading
import time

import pytest

from tests.serving.framing import CORPUS, Case, byte_by_byte, cases, echoing, splits, statuses, told, whole
from tests.serving.raw import hear, listening
from towpath.serving.limits import Limits

CASES = cases()
# Deadlines that a test can wait for, yet longer than a busy machine needs to send a request.
QUICK = Limits(head_seconds=1.5, body_seconds=1.5, linger_seconds=0.2)

every_case = pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])


@every_case
def test_a_request_is_answered_as_the_corpus_says(case):
    assert told(case, whole(case.said))[:2] == (case.answers, case.closes)


@every_case
def test_it_is_answered_alike_byte_by_byte_and_split_anywhere(case):
    expected = told(case, whole(case.said))

    assert told(case, byte_by_byte(case.said)) == expected
    assert [parts for parts in splits(case.said) if told(case, parts) != expected] == []


@every_case
def test_it_is_answered_alike_by_an_edge_that_has_seen_it_before(case):
    expected, edge = told(case, whole(case.said)), echoing()

    assert [told(case, whole(case.said), edge) for _ in range(3)] == [expected] * 3
    assert [parts for parts in splits(case.said) if told(case, parts, edge) != expected] == []


def test_no_fault_of_a_client_is_told_as_ours_or_answered_as_if_it_were_none():
    assert [case.name for case in CASES if any(status >= 500 for status in case.answers)] == []
    assert [case.name for case in CASES if "cut short" in case.name and 200 in case.answers] == []


def test_the_corpus_has_each_case_once():
    assert len({case.name for case in CASES}) == len(CASES) > 150
    assert len({case.said + case.end.encode() for case in CASES}) == len(CASES)
    assert CORPUS.read_text(encoding="ascii").endswith("}\n")


@pytest.mark.slow
def test_over_sockets_the_answers_are_the_same():
    with listening(QUICK) as edge:
        heard: dict[str, list[int]] = {}
        threads = [threading.Thread(target=lambda one=case: heard.update({one.name: ask(edge, one)})) for case in CASES]
        for batch in (threads[i : i + 50] for i in range(0, len(threads), 50)):
            [thread.start() for thread in batch], [thread.join() for thread in batch]

        time.sleep(0.5)
        assert {case.name: heard[case.name] for case in CASES} == {case.name: case.answers for case in CASES}
        assert edge.call(lambda: len(edge.edge.connections)) == 0, "each connection is gone, whatever it said"


def ask(edge, case: Case) -> list[int]:
    """The statuses of all replies until the edge is silent or hangs up."""
    with edge.connect() as sock:
        try:
            sock.sendall(case.said)
            if case.end == "eof":
                sock.shutdown(socket.SHUT_WR)
        except ConnectionError:  # it is refused already, and what was said is read below
            pass
        if case.end == "reset":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            return []
        return statuses(hear(sock, 3.0 if case.end == "silence" and case.closes else 1.0))
