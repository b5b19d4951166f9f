"""A field's values make groups that a person would make."""

import numpy as np
import pandas as pd

from towpath.training.groups import groups_of


def named(values, name="field") -> dict[str, int]:
    return {group.name: len(group.rows) for group in groups_of(name, pd.Series(values))}


def test_categories_and_few_numbers_are_groups_one_by_one():
    assert named(["b", "a", "b"]) == {"a": 1, "b": 2}
    assert named([1.0, 0.0, 1.0]) == {"0": 1, "1": 2}
    assert named(pd.Series([1, 2, 2], dtype=object)) == {"1": 1, "2": 2}


def test_many_numbers_are_taken_in_quarters_named_by_their_ends():
    assert named(np.arange(100.0)) == {"0 to 24": 25, "25 to 49": 25, "50 to 74": 25, "75 to 99": 25}


def test_equal_numbers_are_never_in_two_quarters():
    found = groups_of("balance", pd.Series(np.r_[np.zeros(60), np.arange(1.0, 41.0)]))

    assert [(group.name, len(group.rows)) for group in found] == [("0 to 15", 75), ("16 to 40", 25)]


def test_texts_are_taken_by_length_and_never_told():
    texts = [f"{number:03d} " + "word " * (number % 50) for number in range(400)]

    found = named(texts)

    assert all(name.endswith(" characters") for name in found)
    assert sum(found.values()) == 400


def test_rows_without_a_value_are_a_group_of_their_own():
    assert named(["a", None, "a"]) == {"a": 2, "missing": 1}
    assert named([1.0, np.nan]) == {"1": 1, "missing": 1}
    assert named([np.nan, np.nan]) == {"missing": 2}


def test_every_row_is_in_one_group():
    values = pd.Series(np.random.default_rng(1).normal(0, 1, 500)).mask(lambda one: one > 1.5)

    rows = np.concatenate([group.rows for group in groups_of("x", values)])

    assert sorted(rows) == list(range(500))
