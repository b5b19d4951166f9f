"""The threshold is the best on training rows, and there is one even where nothing can be told apart."""

from pathlib import Path

import numpy as np

from tests.training.small import make_project
from towpath.training.fit import UNDECIDED, choose_threshold


def test_the_threshold_separates_what_can_be_separated(tmp_path: Path):
    service = make_project(tmp_path / "bank").service("loans")

    assert 0.3 < choose_threshold(service, np.array([0, 0, 1, 1]), np.array([[0.1], [0.3], [0.7], [0.9]])) < 0.7


def test_where_every_score_is_the_same_no_threshold_is_better(tmp_path: Path):
    service = make_project(tmp_path / "bank").service("loans")

    assert choose_threshold(service, np.array([0, 1, 1]), np.full((3, 1), 0.66)) == UNDECIDED
