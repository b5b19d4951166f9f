"""The search looks at training rows only, comes to the same twice, and survives being stopped."""

import json
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conftest import ROOT
from tests.training.small import edit, make_project
from towpath.core.errors import Conflict, Faulty, UsageError
from towpath.data import pull
from towpath.data.lock import only_one
from towpath.data.table import LabelledRows, read_rows
from towpath.training.inputs import read_inputs
from towpath.training.split import split_rows
from towpath.training.trials import drop_torn_line
from towpath.training.tune import BEST, Budget, Progress, Tuned, Tuning, snippet
from towpath.wiring import Project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return make_project(tmp_path / "bank")


def tuning(project: Project, rows: LabelledRows | None = None, seed: int = 42, **how: Any) -> Tuning:
    service, place = project.service("loans"), project.place("loans")
    inputs = read_inputs(service, pull.pull(service.data, place.objects, place.folders), seed=seed)
    rows = rows or read_rows(service, place.objects, place.folders, seed=seed)
    return Tuning(service, rows, inputs, project.tuned / "loans", **how)


def found(tuned: Tuned) -> Tuned:
    """Without the seconds, which are never the same."""
    import msgspec

    return msgspec.structs.replace(tuned, seconds=0.0)


@pytest.mark.feature("F242")
def test_a_search_tells_the_best_and_how_much_better_it_is_on_the_same_folds(project: Project):
    tuned = tuning(project).run(Budget(6))

    assert (tuned.metric, tuned.trials, len(tuned.best.folds)) == ("auc", 6, 5)
    assert set(tuned.params) == {"logisticregression__C", "logisticregression__fit_intercept"}
    assert tuned.declared_params == {"logisticregression__C": 1.0, "logisticregression__fit_intercept": True}
    gains = [new - old for new, old in zip(tuned.best.folds, tuned.declared.folds, strict=True)]
    assert tuned.better.folds == pytest.approx(gains)
    assert tuned.better.mean == pytest.approx(tuned.best.mean - tuned.declared.mean)
    assert json.loads((project.tuned / "loans" / BEST).read_bytes())["params"] == tuned.params


def test_the_same_seed_finds_the_same(project: Project, tmp_path: Path):
    other = make_project(tmp_path / "other")

    assert found(tuning(project).run(Budget(5))) == found(tuning(other).run(Budget(5)))


def test_test_rows_are_not_looked_at(project: Project, tmp_path: Path):
    service, place = project.service("loans"), project.place("loans")
    rows = read_rows(service, place.objects, place.folders, seed=42)
    service.split = replace_kind(service.split)
    _, test = split_rows(service.split, rows.targets)
    targets, features = rows.targets.copy(), rows.features.copy()
    targets[test] = 1 - targets[test]
    features.loc[test, "amount"] = 1.0
    edit(project, 'threshold=best_for("f1")', 'split=random(test=0.2), threshold=best_for("f1")')

    first = tuning(project, rows).run(Budget(3))
    shutil.rmtree(project.tuned)
    second = tuning(project, replace(rows, targets=targets, features=features)).run(Budget(3))

    assert found(first) == found(second)


def replace_kind(split: Any) -> Any:
    """A split that does not look at the targets, so that the same rows are held out whatever they are."""
    from towpath.declare import random

    return random(test=split.test, seed=split.seed)


def test_a_stopped_search_goes_on_and_finds_what_an_uninterrupted_one_does(project: Project, tmp_path: Path):
    tuning(project).run(Budget(3))
    said: list[str] = []
    resumed = tuning(project, say=said.append).run(Budget(7))

    assert "going on after 3 trials" in said
    assert found(resumed) == found(tuning(make_project(tmp_path / "other")).run(Budget(7)))


def test_another_first_metric_is_another_search(project: Project):
    by_auc = tuning(project).run(Budget(3))
    edit(project, 'metrics=[auc(), f1("late")]', 'metrics=[f1("late"), auc()]')
    by_f1 = tuning(project).run(Budget(3))

    assert (by_auc.metric, by_f1.metric) == ("auc", "f1")
    assert by_f1.declared.folds != by_auc.declared.folds


def test_ctrl_c_loses_no_finished_trial(project: Project):
    def interrupt(progress: Progress) -> None:
        if progress.done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tuning(project, tell=interrupt).run(Budget(5))
    told: list[Progress] = []
    tuning(project, tell=told.append).run(Budget(5))

    assert [progress.done for progress in told] == [3, 4, 5]


KILLED = """
import sys
from tests.training.test_tune import Budget, tuning
from tests.training.small import reopened
from pathlib import Path

def tell(progress):
    print(progress.done, flush=True)

tuning(reopened(Path(sys.argv[1])), tell=tell).run(Budget(500))
"""


@pytest.mark.integration
@pytest.mark.slow
def test_a_killed_search_goes_on(project: Project):
    words = [sys.executable, "-c", KILLED, str(project.root)]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdout is not None
    for line in process.stdout:
        if int(line) >= 3:
            break
    time.sleep(0.03)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    (journal,) = (project.tuned / "loans").glob("*.journal")
    with journal.open("ab") as file:
        file.write(b'{"op_code": 4, "torn')  # the worst that a kill can leave
    told: list[Progress] = []
    tuned = tuning(project, tell=told.append).run(Budget(12))

    assert told[0].done >= 4
    assert tuned.trials == 12


def test_a_torn_line_is_dropped_and_nothing_else(tmp_path: Path):
    (tmp_path / "journal").write_bytes(b'{"a":1}\n{"b":2}\n{"c"')
    drop_torn_line(tmp_path / "journal")

    assert (tmp_path / "journal").read_bytes() == b'{"a":1}\n{"b":2}\n'


def test_bad_trials_are_stopped_early(project: Project):
    edit(project, "real(0.001, 10, log=True)", "real(0.0000001, 10, log=True)")

    tuned = tuning(project).run(Budget(14))

    assert tuned.pruned > 0
    assert tuned.trials == 14


def test_a_decision_metric_is_measured_at_the_threshold_that_training_would_choose(project: Project):
    edit(project, "tune={", "tune=search({")
    edit(project, "choice(True, False),\n    },", 'choice(True, False),\n    }, metric="f1"),')

    tuned = tuning(project).run(Budget(3))

    assert tuned.metric == "f1"
    assert 0 < tuned.declared.mean < 1


def test_time_that_is_up_begins_no_trial(project: Project):
    tuned = tuning(project).run(Budget(50, seconds=0.0))

    assert (tuned.trials, tuned.params, tuned.better.mean) == (0, {}, 0.0)


def test_a_fresh_search_forgets_the_one_before(project: Project):
    tuning(project).run(Budget(3))
    told: list[Progress] = []
    tuning(project, tell=told.append, fresh=True).run(Budget(2))

    assert [progress.done for progress in told] == [1, 2]


def test_another_declaration_is_another_search(project: Project):
    tuning(project).run(Budget(2))
    edit(project, "max_iter=500", "max_iter=400")

    with pytest.raises(UsageError, match="there is no search of loans to go on with"):
        tuning(project, must_exist=True).run(Budget(3))


def test_unknown_parameters_are_told_all_at_once_with_what_may_be_meant(project: Project):
    edit(project, '"logisticregression__C": real', '"logisticregresion__C": real')
    edit(project, '"logisticregression__fit_intercept": choice', '"zzz": choice')

    with pytest.raises(Faulty) as wrong:
        tuning(project).run(Budget(1))
    paths = dict(wrong.value.faults)
    assert "is it logisticregression__C" in paths["tune.logisticregresion__C"]
    assert "it has " in paths["tune.zzz"] and "logisticregression__max_iter" in paths["tune.zzz"]


def test_a_service_that_declares_nothing_is_told_what_to_write(project: Project):
    text = (project.root / "services/loans/service.py").read_text()
    edit(project, text[text.index("    tune={") : text.index("\n)\n")], "")

    with pytest.raises(UsageError, match="declares nothing to be tuned") as nothing:
        tuning(project).run(Budget(1))
    assert 'tune={"logisticregression__max_iter": whole(' in nothing.value.hint


def test_parameters_that_do_not_go_together_fail_their_trial_alone(project: Project):
    edit(project, '"logisticregression__fit_intercept": choice(True, False)',
         '"logisticregression__solver": choice("lbfgs", "nonesuch")')  # fmt: skip
    said: list[str] = []

    tuned = tuning(project, say=said.append).run(Budget(8))

    assert tuned.failed >= 1
    assert tuned.params["logisticregression__solver"] == "lbfgs"
    assert any("fails with" in line and "nonesuch" in line for line in said)


def test_two_searches_at_once_are_refused(project: Project):
    with only_one(project.tuned / "loans" / "lock", "testing"), pytest.raises(Conflict, match="being tuned by another"):
        tuning(project).run(Budget(1))


def test_numbers_that_are_tried_are_short(project: Project):
    (c,) = {tuning(project).run(Budget(4)).params["logisticregression__C"]}

    assert float(f"{c:.3g}") == c


def test_what_was_found_is_written_as_it_stands_in_build(project: Project):
    estimator = project.service("loans").estimator()
    params = {"logisticregression__C": 0.5, "logisticregression__solver": "saga", "steps": 1}

    assert snippet(estimator, params).splitlines() == ["LogisticRegression(C=0.5, solver='saga')", "Pipeline(steps=1)"]


def test_folds_are_what_the_declared_parameters_reach(project: Project):
    tuned = tuning(project).run(Budget(1))

    assert tuned.declared.mean == pytest.approx(np.mean(tuned.declared.folds))
    assert tuned.declared.sd == pytest.approx(np.std(tuned.declared.folds, ddof=1))
