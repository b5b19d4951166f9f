"""How far answers move, and from when on clients would notice."""

import numpy as np
import pytest

from towpath.core.behaviour import behaviour_diff

SCORES = np.linspace(0, 1, 1000)[:, None]


def moved(by: np.ndarray | float, *, is_value: bool = False, scores: np.ndarray = SCORES):
    new = scores + by
    decided = [(one[:, 0] >= 0.5).astype(int) for one in (scores, new)]
    return behaviour_diff(scores, new, *decided, is_value=is_value)


def test_the_same_answers_are_no_difference():
    found = moved(0.0)

    assert (found.flips, found.worst, found.noticeable) == (0, 0.0, False)


def test_shifts_are_told_by_their_levels_and_the_worst_of_all():
    found = moved(np.where(np.arange(1000) < 5, 0.3, 0.001)[:, None])

    assert found.shift == {"50%": pytest.approx(0.001), "90%": pytest.approx(0.001), "99%": pytest.approx(0.001)}
    assert found.worst == pytest.approx(0.3)
    assert not found.noticeable


def test_more_flips_than_one_in_two_hundred_are_noticed():
    assert moved(0.0045).flips <= 5
    assert not moved(0.0045).noticeable
    assert moved(0.009).flips == 9
    assert moved(0.009).noticeable


def test_scores_that_move_without_a_flip_are_noticed_too():
    found = moved(0.02, scores=SCORES * 0.4)

    assert (found.flips, found.noticeable) == (0, True)


def test_values_move_by_a_part_of_their_size():
    prices = np.full((100, 1), 20_000.0)

    assert not moved(100.0, is_value=True, scores=prices).noticeable
    assert moved(300.0, is_value=True, scores=prices).noticeable
