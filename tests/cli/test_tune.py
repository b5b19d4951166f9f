"""towpath candidate tune: what people and machines are told of a search."""

import pytest

from tests.cli.conftest import Towpath
from towpath.wiring import Project


@pytest.mark.feature("F242")
def test_what_tuning_finds_can_be_pasted_or_trained(towpath: Towpath, bank: Project):
    tuned = towpath("candidate", "tune", "loans", "--trials", "4")

    assert tuned.code == 0
    assert "loans: auc over 5 folds of the training rows" in tuned.out
    assert "LogisticRegression(C=" in tuned.out
    assert "loans: trial 4 of 4, best 0." in tuned.err
    (run,) = towpath("--json", "train", "loans", "--params", "best").data
    assert set(run["params"]) == {"logisticregression__C", "logisticregression__fit_intercept"}


def test_machines_are_told_the_best_the_declared_and_the_gain(towpath: Towpath, bank: Project):
    found = towpath("--json", "candidate", "tune", "loans", "--trials", "3").data

    assert found["better"]["mean"] == pytest.approx(found["best"]["mean"] - found["declared"]["mean"])
    assert (found["trials"], len(found["best"]["folds"])) == (3, 5)
    assert "what is declared" in found["verdict"] or "folds differ by" in found["verdict"]


def test_to_go_on_with_nothing_is_refused(towpath: Towpath, bank: Project):
    assert towpath("candidate", "tune", "loans", "--resume").code == 2
    assert towpath("candidate", "tune", "loans", "--resume", "--fresh").code == 2
