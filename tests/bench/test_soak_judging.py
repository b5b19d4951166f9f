"""What a soak calls failed, and what it lets pass because a worker was killed."""

import numpy as np

from bench.soaking.crew import Killed
from bench.soaking.judging import broken, conclusion, judged
from bench.soaking.records import KINDS, LOST, WRONG
from bench.soaking.timeline import Timeline

KILLED = Killed(100.0, frozenset({40_001, 40_002}))
GROWN = {f"{name}_{when}": 10.0 for name in ("files", "threads", "megabytes") for when in ("before", "after")}


def run(*made: tuple[float, float, int, int], kills: tuple[Killed, ...] = ()) -> dict[str, object]:
    """Of when it was asked, when answered, at which port, and by whom."""
    return judged(np.array(list(made), KINDS), Timeline(0, 0.0), kills) | GROWN


def test_answers_of_the_live_revision_are_fine():
    told = run((1.0, 1.1, 40_001, 0), (1.2, 1.3, 40_002, 0))

    assert (told["failed"], conclusion(told)) == (0, "0 failed of 2")
    assert broken(told, 0.05, 100.0) == []


def test_wrong_lost_and_outdated_ones_have_failed():
    told = run((1.0, 1.1, 40_001, 0), (1.0, 1.1, 40_002, WRONG), (1.0, 1.1, 40_003, LOST), (1.0, 1.1, 40_004, 1))

    assert [told[name] for name in ("wrong", "lost", "outdated", "failed")] == [1, 1, 1, 3]
    assert conclusion(told) == "3 failed of 4"
    assert broken(told, 0.05)[0].startswith("3 requests failed: 1 were answered wrong")


def test_what_a_killed_worker_held_is_told_apart():
    told = run((99.9, 100.1, 40_001, LOST), (1.0, 1.1, 40_009, 0), kills=(KILLED,))

    assert conclusion(told) == "0 failed of 1 (1 lost with 1 killed workers)"


def test_of_each_connection_that_it_held_one_request_was_under_way():
    told = run((99.9, 100.1, 40_001, LOST), (100.5, 100.6, 40_001, LOST), kills=(KILLED,))

    assert (told["failed"], told["lost_with_them"]) == (1, 1)


def test_a_connection_that_another_worker_held_is_no_excuse():
    assert run((99.9, 100.1, 40_003, LOST), kills=(KILLED,))["failed"] == 1


def test_nor_is_one_that_was_lost_before_or_long_after():
    assert run((99.0, 99.9, 40_001, LOST), (110.0, 110.1, 40_002, LOST), kills=(KILLED,))["failed"] == 2


def test_what_grew_is_told():
    told = run((1.0, 1.1, 40_001, 0)) | {"files_after": 11.0, "threads_after": 12.0, "megabytes_after": 10.6}

    assert [fault.split()[0] for fault in broken(told, 0.05)] == ["files", "threads", "memory"]


def test_a_late_last_answer_counts_where_a_time_is_promised():
    told = run((1.0, 1.1, 40_001, 0)) | {"last_old_p99_ms": 101.0}

    assert broken(told, 0.05) == []
    assert "101.0 ms" in broken(told, 0.05, 100.0)[0]
