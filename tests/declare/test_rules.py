"""Rules about the data are checked as they are declared."""

from typing import Any

import pytest

from tests.declare.test_check import declaration
from towpath.declare import at_least_rows, between, minority_share, share_missing, unique
from towpath.declare.check import faults_of


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        (at_least_rows(5), "asks for 5 rows; fewer than 20 cannot be split"),
        (minority_share(0.9), "asks for a share of 0.9"),
        (share_missing("Age", at_most=20), "allows a share of 20; it lies between 0 and 1"),
        (between("Age", 90, 18), "lets Age lie from 90 to 18; the first should be the smaller"),
        (unique(), "names no column"),
        (unique("Age", severity="fatal"), 'has severity \'fatal\'; it is "error" or "warning"'),  # type: ignore[arg-type]
        ("Age > 18", "is 'Age > 18'; use at_least_rows(), between()"),
    ],
)
def test_a_rule_that_cannot_be_is_told_with_its_place(rule: Any, says: str):
    [(path, fault)] = faults_of(declaration(rules=[at_least_rows(50), rule]))

    assert path == "rules[1]"
    assert says in fault
