"""Which answers came from a revision that was not live, by the time line of who wrote the generations."""

import numpy as np
import pytest

from bench.soaking.records import KINDS, LOST, WRONG
from bench.soaking.timeline import Timeline

OLD, NEW = 0, 1


def swapped() -> Timeline:
    """The old one from 0 on, the new one from 10 on; at 12 every worker acts upon it."""
    timeline = Timeline(OLD, 0.0)
    timeline.begin(NEW, 10.0)
    timeline.end(12.0)
    return timeline


def records(*made: tuple[float, float, int]) -> np.ndarray:
    """Of when it was asked, when answered, and by whom."""
    return np.array([(asked, answered, 1, outcome) for asked, answered, outcome in made], KINDS)


@pytest.mark.parametrize(
    ("asked", "answered", "revision", "outdated"),
    [
        (9.0, 9.5, OLD, False),
        (9.0, 9.5, NEW, True),
        (9.0, 10.0, NEW, False),
        (11.0, 11.5, OLD, False),
        (11.0, 11.5, NEW, False),
        (11.9, 30.0, OLD, False),
        (12.1, 12.2, OLD, True),
        (12.1, 12.2, NEW, False),
    ],
)
def test_a_revision_is_live_from_its_file_until_all_acknowledge_the_next(asked, answered, revision, outdated):
    assert swapped().outdated(records((asked, answered, revision))).tolist() == [outdated]


def test_a_revision_that_comes_back_is_live_again_and_not_in_between():
    timeline = swapped()
    timeline.begin(OLD, 20.0)
    timeline.end(21.0)

    asked = records((5.0, 5.1, OLD), (15.0, 15.1, OLD), (20.5, 20.6, OLD), (20.5, 20.6, NEW), (22.0, 22.1, NEW))
    assert timeline.outdated(asked).tolist() == [False, True, False, False, True]


def test_what_was_not_answered_is_nobodys():
    assert not swapped().outdated(records((30.0, 31.0, LOST), (30.0, 31.0, WRONG))).any()


def test_a_revision_that_was_never_written_is_never_live():
    assert swapped().outdated(records((1.0, 2.0, 2))).tolist() == [True]


def test_a_delay_is_from_the_file_to_the_last_answer_of_the_one_before():
    asked = records((9.0, 9.9, OLD), (9.9, 10.2, OLD), (10.1, 10.4, OLD), (10.2, 10.3, NEW))

    assert swapped().delays(asked) == pytest.approx([0.4])


def test_a_delay_knows_nothing_of_the_swap_after_it():
    timeline = swapped()
    timeline.begin(OLD, 20.0)

    asked = records((10.1, 10.2, OLD), (19.0, 19.9, NEW), (19.9, 20.3, NEW), (20.3, 20.9, OLD))
    assert timeline.delays(asked) == pytest.approx([0.2, 0.3])


def test_a_swap_after_which_the_one_before_answered_no_more_took_nothing():
    assert swapped().delays(records((9.0, 9.9, OLD))) == [0.0]
