"""What a supervisor hands to a worker, through one variable."""

import os

import pytest

from towpath.core.errors import UsageError
from towpath.serving.supervising.handed import VARIABLE, Handed, handed_by


def test_what_was_written_is_read_and_without_a_supervisor_there_is_nothing():
    handed = Handed(1, os.getppid(), [5, 6], 7, 8, ["ab"], {"limit": {"body_bytes": 7}})

    assert handed_by({VARIABLE: handed.written()}) == handed and handed_by({}) is None
    assert handed.inherited() == [5, 6, 7, 8]


@pytest.mark.parametrize("written", ["{", "[]", "{}", '{"slot": 1}', '{"of": "a newer version"}'])
def test_what_no_supervisor_wrote_is_refused_with_what_to_do(written):
    with pytest.raises(UsageError, match=f"{VARIABLE} is not what a supervisor writes") as refused:
        handed_by({VARIABLE: written})
    assert f"unset {VARIABLE}" in refused.value.hint


def test_what_was_meant_for_another_process_is_refused():
    with pytest.raises(UsageError, match="is not the one that started this"):
        handed_by({VARIABLE: Handed(1, 1 << 22, [], 7, 8).written()})
