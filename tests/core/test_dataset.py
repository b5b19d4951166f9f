"""What the lines of a history add up to, and how something trained on a version stands today."""

import pytest

from towpath.core.dataset import DataFile, Happened, History, history_of, standing
from towpath.core.errors import UsageError, VerificationRefused


def happened(what: str, version: int, **more: object) -> Happened:
    files = (DataFile("churn.csv", 10, f"{version}" * 64, 3),) if what == "added" else ()
    return Happened("2026-06-01T08:00:00Z", "Ana <ana@example.com>", what, version, files=files, **more)  # type: ignore[arg-type]


def history(*events: Happened) -> History:
    return history_of(events, "data.history.jsonl")


THREE = [happened("added", 1), happened("added", 2), happened("added", 3)]


def test_the_version_that_was_added_last_counts():
    found = history(*THREE)

    assert [version.number for version in found.versions] == [1, 2, 3]
    assert found.current == found.version(3)


def test_a_version_that_was_checked_out_counts():
    assert history(*THREE, happened("checked out", 1)).current.number == 1


def test_a_dropped_version_gives_way_to_the_one_named_and_stays_known():
    found = history(*THREE, happened("dropped", 3, now=2, why="cents"))

    assert found.current.number == 2
    assert found.version(3).dropped.why == "cents"
    assert found.next_number == 4


def test_the_good_version_before_one_is_no_dropped_one():
    found = history(*THREE, happened("dropped", 2, now=1))

    assert found.before(found.version(3)).number == 1
    assert found.before(found.version(1)) is None


def test_an_unknown_version_is_told_with_those_there_are():
    with pytest.raises(UsageError, match="there is no version 7 of this data; its versions are: 1, 2, 3"):
        history(*THREE).version(7)


def test_two_branches_that_added_the_same_number_are_told_with_the_line():
    with pytest.raises(VerificationRefused, match=r"data\.history\.jsonl, line 4: version 3 is there already"):
        history(*THREE, happened("added", 3))


def test_a_line_that_was_cut_out_is_missed():
    with pytest.raises(VerificationRefused, match="line 3: version 3 was dropped, but never added"):
        history(*THREE[:2], happened("dropped", 3, now=2))


def test_what_was_trained_on_the_version_that_counts_stands_well():
    assert standing(history(*THREE), ["3" * 64]).said == ""


@pytest.mark.scenario("S069")
def test_what_was_trained_on_an_older_version_is_behind():
    found = standing(history(*THREE), ["1" * 64])

    assert (found.version, found.is_dropped) == (1, False)
    assert found.said == "was trained on data version 1, current is 3"


@pytest.mark.scenario("S074")
def test_what_was_trained_on_a_dropped_version_says_who_dropped_it_and_why():
    found = standing(history(*THREE, happened("dropped", 3, now=2, why="cents")), ["3" * 64])

    assert found.is_dropped
    assert found.said == "was trained on data version 3, dropped by Ana on 2026-06-01: cents"


def test_of_data_that_was_never_added_nothing_is_said():
    assert standing(history(*THREE), ["9" * 64]).said == standing(history(*THREE), []).said == ""
    assert standing(history(), ["1" * 64]).said == ""
