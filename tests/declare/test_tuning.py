"""A search space is declared with the service; what is wrong with it is told with its path."""

from typing import Any

import pytest

from towpath.declare import choice, real, search, whole
from towpath.declare.tuning import Search, as_search, space_fault


def test_a_dict_says_as_much_as_a_search_without_a_metric():
    space = {"ridge__alpha": real(0.1, 10, log=True)}

    assert as_search(space) == search(space) == Search(space)
    assert as_search(None) is None


@pytest.mark.parametrize(
    "space", [whole(1, 9), whole(1, 9, step=2), whole(1, 9, log=True), real(0, 1), choice(1, None)]
)
def test_what_can_be_searched_has_no_fault(space: Any):
    assert space_fault(space) is None


@pytest.mark.parametrize(
    ("space", "fault"),
    [
        (whole(9, 1), "goes from 9 to 1; the first must be the smaller one"),
        (real(2.0, 2.0), "goes from 2.0 to 2.0; the first must be the smaller one"),
        (real(0.0, 1.0, log=True), "is logarithmic from 0.0 on; it must begin above 0"),
        (whole(1, 9, step=0), "goes in steps of 0; use 1 or more, and 1 with log=True"),
        (whole(1, 9, step=2, log=True), "goes in steps of 2; use 1 or more, and 1 with log=True"),
        (choice("a"), "has 1 values; a choice has two at least"),
        (choice("a", ["b"]), "may be ['b']; use numbers, strings, True, False or None"),  # type: ignore[arg-type]  # on purpose
        ([1, 2], "is [1, 2]; use whole(), real() or choice()"),
    ],
)
def test_what_cannot_be_searched_is_told_with_its_mend(space: Any, fault: str):
    assert space_fault(space) == fault
