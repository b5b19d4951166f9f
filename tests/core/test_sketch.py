"""Sketches count every value, know how far it lies beyond its bin, and are open at both ends."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from towpath.core.reference import shares
from towpath.core.sketch import quantile_edges, sketch_categories, sketch_numbers


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=200), st.integers(2, 32))
def test_no_value_is_lost_and_the_sum_can_be_read_back(numbers: list[float], bins: int):
    values = np.array(numbers)
    edges = quantile_edges(values, bins)
    found = sketch_numbers("x", values, edges)
    lower = [edges[0] if i == 0 else edges[i - 1] for i in range(len(edges) + 1)] if len(edges) else [0.0]
    signs = [-1, *[1] * len(edges)]

    assert sum(found.counts) == len(values)
    if len(edges):
        rebuilt = sum(c * e + s * x for c, e, s, x in zip(found.counts, lower, signs, found.excess, strict=True))
        assert np.isclose(rebuilt, values.sum(), rtol=1e-9, atol=1e-3)


def test_values_beyond_the_reference_fall_into_the_outer_bins():
    edges = quantile_edges(np.arange(100.0), 4)
    found = sketch_numbers("x", np.array([-1e9, 1e9, 1e9]), edges)

    assert (found.counts[0], found.counts[-1], sum(found.counts)) == (1, 2, 3)


def test_a_column_of_few_values_gets_a_bin_for_each():
    values = np.array([0.0, 1.0, 1.0, 5.0])

    assert sketch_numbers("x", values, quantile_edges(values, 32)).counts == (1, 2, 1)


def test_missing_values_are_counted_apart():
    assert sketch_numbers("x", np.array([1.0, np.nan, 2.0]), np.array([1.5])).missing == 1


def test_the_threshold_is_an_edge_of_the_score():
    assert 0.33 in quantile_edges(np.linspace(0, 1, 1000), 50, [0.33])


def test_categories_are_counted_with_unseen_and_missing():
    found = sketch_categories("c", ["a", "b", "a", "z", None, float("nan")], ["a", "b", "c"])

    assert (found.counts, found.unseen, found.missing) == ((2, 1, 0), 1, 2)


def test_the_shares_of_the_bins_are_those_of_the_values_that_are_there():
    found = sketch_numbers("x", np.array([0.0, 0.0, 0.0, 9.0, np.nan]), np.array([5.0]))

    assert shares(found) == [0.75, 0.25]
    assert shares(sketch_numbers("x", np.array([np.nan]), np.array([5.0]))) == [0.0, 0.0]
