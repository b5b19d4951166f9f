"""Statistics of an order hold under ties and weights."""

import numpy as np
import pytest

from towpath.training import ranking


def test_the_median_of_weighted_rows_is_that_of_repeated_ones():
    rows = np.array([5.0, 1.0, 9.0, 3.0])
    weights = np.array([[1, 1, 1, 1], [0, 2, 0, 2], [3, 1, 1, 0], [0, 0, 1, 0]], dtype=float)

    found = ranking.median(rows)(weights)

    expected = [np.median(np.repeat(rows, some.astype(int))) for some in weights]
    assert found == pytest.approx(expected)


def test_rows_with_one_score_have_no_order():
    scores, positive = np.full(10, 0.5), np.arange(10) < 4

    assert ranking.auc(scores, positive)(np.ones((1, 10)))[0] == pytest.approx(0.5)
    assert ranking.average_precision(scores, positive)(np.ones((1, 10)))[0] == pytest.approx(0.4)
    assert ranking.best_share(scores, positive, 0.3, lift=True)(np.ones((1, 10)))[0] == pytest.approx(1.0)


def test_a_positive_row_that_was_not_drawn_counts_nothing():
    scores, positive = np.array([0.9, 0.2, 0.8, 0.1]), np.array([True, True, False, False])
    weights = np.array([[0.0, 1.0, 1.0, 1.0]])

    assert ranking.average_precision(scores, positive)(weights)[0] == pytest.approx(0.5)
    assert ranking.auc(scores, positive)(weights)[0] == pytest.approx(0.5)
