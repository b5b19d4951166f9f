"""One side of a comparison is what was trained, byte for byte, or it is refused."""

from pathlib import Path

import pytest

from tests.training import small
from towpath.core.errors import VerificationRefused
from towpath.training.candidate import find_candidate
from towpath.training.contender import contender_of_candidate


def test_a_candidate_that_was_changed_is_refused(tmp_path: Path):
    project = small.make_project(tmp_path)
    small.trained(project)
    candidate, path = find_candidate(project.candidates, "loans")
    settings = path / "files" / "settings.json"
    settings.write_bytes(settings.read_bytes().replace(b"0.", b"0.0"))

    with pytest.raises(VerificationRefused, match="was changed after loans-1 was trained"):
        contender_of_candidate(candidate, path)


def test_its_scores_are_those_of_the_rows_of_a_frame(tmp_path: Path):
    project = small.make_project(tmp_path)
    small.trained(project)
    one = contender_of_candidate(*find_candidate(project.candidates, "loans"))
    frame = small.loans(20).astype({"months": float, "amount": float})

    scores = one.scores(frame)
    again = one.scores(frame.iloc[[7]])

    assert scores[7] == pytest.approx(again[0])
    assert len(set(scores[:, 0].round(6))) > 10
