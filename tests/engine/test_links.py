"""Links are exact and do not overflow."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit
from scipy.special import softmax as scipy_softmax

from towpath.engine import links


@given(st.floats(-1e308, 1e308))
def test_logistic_is_scipys_to_the_last_bits(raw: float) -> None:
    with np.errstate(over="raise", invalid="raise"):
        assert abs(links.logistic(np.array([[raw]]))[0, 0] - expit(raw)) <= 1.2e-16


@given(st.lists(st.floats(-1e300, 1e300), min_size=2, max_size=5))
def test_softmax_is_scipys_and_sums_to_one(raw: list[float]) -> None:
    with np.errstate(over="raise", invalid="raise"):
        given_scores = links.softmax(np.array([raw, raw]))

    assert given_scores[1] == pytest.approx(scipy_softmax(raw), abs=1e-15)
    assert given_scores.sum(axis=1) == pytest.approx(1.0, abs=1e-15)


def test_what_is_no_number_stays_none() -> None:
    for link in links.LINKS.values():
        assert np.isnan(link(np.array([[np.nan, 1.0]]))[0, 0])
