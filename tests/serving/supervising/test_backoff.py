"""When a worker is started again, and when nobody tries any more."""

import pytest

from towpath.serving.supervising.backoff import DELAYS, SOON_SECONDS, TRIES, Death, delay_after, is_hopeless


def test_the_first_restart_is_at_once_and_later_ones_wait_up_to_five_seconds():
    assert [delay_after(many) for many in (0, 1, 2, 3)] == [0.0, 0.0, 0.1, 0.2]
    assert delay_after(len(DELAYS)) == delay_after(1000) == 5.0


@pytest.mark.parametrize(
    ("death", "early"),
    [
        (Death(1, None), True),
        (Death(-11, 0.5), True),
        (Death(-11, SOON_SECONDS + 1), False),
        (Death(-9, 0.5, killed=True), False),
        (Death(-9, None, killed=True), False),
    ],
)
def test_early_is_who_died_before_or_soon_after_it_was_ready_by_its_own_doing(death, early):
    assert death.early is early


def test_what_another_try_cannot_change_is_not_tried_again_unless_somebody_was_served_before():
    assert is_hopeless(Death(2, None), 1, ever_ready=False) and is_hopeless(Death(10, None), 1, ever_ready=False)
    assert not is_hopeless(Death(8, None), 1, ever_ready=False) and is_hopeless(Death(8, None), TRIES, ever_ready=False)
    assert not is_hopeless(Death(2, None), 100, ever_ready=True)
