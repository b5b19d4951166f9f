"""Bundles that kill workers."""

from towpath.serving.supervising.quarantine import DEATHS, WITHIN_SECONDS, Quarantine


def test_the_third_death_within_a_minute_is_the_one_too_many():
    quarantine = Quarantine()

    assert [quarantine.note("a", now) for now in (0.0, 30.0, 59.0)] == [False, False, True]
    assert quarantine.digests == {"a"} and DEATHS == 3


def test_deaths_that_are_far_apart_never_are():
    quarantine = Quarantine()

    assert not any(quarantine.note("a", number * WITHIN_SECONDS / 2) for number in range(100))


def test_each_bundle_is_counted_by_itself_and_told_once():
    quarantine = Quarantine()
    told = [quarantine.note(digest, 1.0) for digest in "aabbaabb"]

    assert told == [False, False, False, False, True, False, True, False]


def test_lifted_it_has_to_kill_three_times_again():
    quarantine = Quarantine()
    [quarantine.note("a", 1.0) for _ in range(5)]
    quarantine.lift()

    assert quarantine.digests == set() and [quarantine.note("a", 2.0) for _ in range(3)] == [False, False, True]
