"""towpath candidate tune: what people and machines are told of a search."""

import sys

import numpy as np
import pytest

from tests.cli.conftest import Towpath
from towpath.cli.tune import verdict
from towpath.training.tune import Progress, Tuned, reached
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
    assert "what is declared" in found["verdict"] or "3 trials would reach as much by chance" in found["verdict"]


def test_to_go_on_with_nothing_is_refused(towpath: Towpath, bank: Project):
    assert towpath("candidate", "tune", "loans", "--resume").code == 2
    assert towpath("candidate", "tune", "loans", "--resume", "--fresh").code == 2


def test_an_interrupted_search_tells_what_is_kept(towpath: Towpath, bank: Project, monkeypatch: pytest.MonkeyPatch):
    module = sys.modules["towpath.cli.tune"]  # the package's name for it is the command
    told = module.line

    def interrupted(progress: Progress) -> str:
        if progress.done == 2:
            raise KeyboardInterrupt
        return told(progress)

    monkeypatch.setattr(module, "line", interrupted)
    done = towpath("candidate", "tune", "loans", "--trials", "4")

    assert done.code == 130
    assert "2 of 4 trials are kept; the same command goes on" in done.err


def best_of(trials: np.ndarray) -> Tuned:
    """A search whose trials gain so much in each fold, over a declared model that reaches 0.8 in all."""
    best = trials[trials.mean(axis=1).argmax()].tolist()
    folds, declared = reached([0.8 + gain for gain in best]), reached([0.8] * len(best))
    return Tuned("loans", "auc", 1, {"a": 1}, {"a": 0}, folds, declared, reached(best), len(trials), 0, 0, 1.0)


def test_the_best_of_worthless_trials_is_seldom_called_better():
    random = np.random.default_rng(1)
    told = [verdict(best_of(random.normal(0.0, 0.01, (30, 5)))) for _ in range(400)]

    assert sum(one == "better than what is declared" for one in told) <= 0.05 * 400
    assert "best on these folds, but 30 trials would reach as much by chance" in told


def test_a_gain_that_every_fold_shows_is_called_better():
    random = np.random.default_rng(1)

    assert verdict(best_of(0.05 + random.normal(0.0, 0.005, (30, 5)))) == "better than what is declared"


def test_a_single_fold_never_shows_a_gain():
    assert verdict(best_of(np.array([[0.1]]))) == "best on these folds, but 1 trial would reach as much by chance"
