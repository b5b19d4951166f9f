"""Two models are compared on rows that neither has learnt from, and what is not there passes nothing."""

import hashlib
import shutil
from pathlib import Path

import pytest

from tests.training import small
from towpath.core.comparison import Comparison
from towpath.core.errors import InfrastructureError, UsageError
from towpath.training.candidate import find_candidate
from towpath.training.compare import compare
from towpath.training.contender import Contender, contender_of_candidate
from towpath.training.same_rows import held_out_sample, same_rows
from towpath.wiring import Project


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with one candidate, trained once."""
    project = small.make_project(tmp_path_factory.mktemp("bank"), frame=small.loans(1_500))
    small.trained(project)
    return project.root


@pytest.fixture
def project(once: Path, tmp_path: Path) -> Project:
    """A copy of it to work in."""
    shutil.copytree(once, tmp_path / "bank")
    return small.reopened(tmp_path / "bank")


def contender(project: Project, name: str) -> Contender:
    return contender_of_candidate(*find_candidate(project.candidates, name))


def compared(project: Project, ours: str, other: str, **margins: float) -> Comparison:
    service = project.service("loans")
    sides = contender(project, ours), contender(project, other)
    return compare(service, *sides, same_rows(service, project.objects, *sides), seed=1, margins=margins)


def train_second(project: Project, old: str, new: str) -> None:
    small.edit(project, old, new)
    small.trained(project)


MODEL = "LogisticRegression(C=1.0, max_iter=500)"
WORSE = (MODEL, "__import__('sklearn.tree').tree.DecisionTreeClassifier(max_depth=1)")


@pytest.mark.scenario("S062")
@pytest.mark.feature("F227")
def test_a_worse_model_is_worse_and_the_same_pair_the_other_way_round_is_better(project: Project):
    small.edit(project, "gates=[", 'gates=[no_worse_than_champion("auc", margin=0.01), ')
    train_second(project, *WORSE)
    worse, better = compared(project, "loans-2", "loans-1"), compared(project, "loans-1", "loans-2")

    assert (worse.verdict, worse.gates[0].verdict) == ("worse", "fail")
    assert (better.verdict, better.gates[0].verdict) == ("better", "pass")
    assert worse.metric("auc").high < 0 < better.metric("auc").low


@pytest.mark.scenario("S062")
def test_a_model_that_says_the_same_is_equal(project: Project):
    train_second(project, "max_iter=500", "max_iter=501")
    found = compared(project, "loans-2", "loans-1")

    assert found.verdict == "equal"
    assert {metric.delta for metric in found.metrics} == {0.0}


@pytest.mark.scenario("S062")
def test_where_the_rows_cannot_tell_it_is_inconclusive(project: Project):
    train_second(project, 'numbers="impute"', 'numbers="impute and scale"')

    assert compared(project, "loans-2", "loans-1", f1=0.0).verdict in ("inconclusive", "equal")
    small.edit(project, "C=1.0", "C=0.02")
    small.trained(project)
    assert compared(project, "loans-3", "loans-1", f1=0.0001).verdict == "inconclusive"


def test_both_answer_the_test_rows_that_they_share(project: Project):
    train_second(project, *WORSE)
    found = compared(project, "loans-2", "loans-1")

    assert (found.rows, found.told_rows) == (300, "the 300 test rows of both")
    assert found.our_data == found.other_data != ()


def test_what_is_compared_is_what_was_evaluated(project: Project):
    train_second(project, *WORSE)
    found = compared(project, "loans-2", "loans-1")

    for metric in found.metrics:
        measured = [contender(project, name).evaluation.metric(metric.name) for name in ("loans-2", "loans-1")]
        assert [one and one.value for one in measured] == pytest.approx([metric.ours, metric.other])


def test_rows_that_the_other_has_learnt_from_are_left_out(project: Project):
    train_second(project, "threshold=", "split=stratified(test=0.2, seed=7),\n    threshold=")
    found = compared(project, "loans-2", "loans-1")

    assert 30 <= found.rows < 100  # a fifth of a fifth of 1,500
    assert found.told_rows.startswith(f"{found.rows} of the 300 test rows of loans-2")
    service = project.service("loans")
    sides = [contender(project, name) for name in ("loans-2", "loans-1")]
    rows = same_rows(service, project.objects, *sides)
    frame = small.loans(1_500)
    known = set(frame.iloc[split_of(project, "loans-1")].amount)
    assert len(known.intersection(rows.features["amount"])) < found.rows  # amounts alone may coincide
    learnt = frame.iloc[split_of(project, "loans-1")]
    both = rows.features.assign(late=rows.targets).merge(learnt, on=["amount", "income", "purpose", "late"])
    assert both.empty


def split_of(project: Project, name: str) -> list[int]:
    import msgspec

    _, path = find_candidate(project.candidates, name)
    return msgspec.json.decode((path / "split.json").read_bytes())["train"]


def test_new_data_is_compared_on_its_own_new_rows(project: Project):
    content = small.loans(2_000, seed=5).to_csv(index=False).encode()
    old = hashlib.sha256((project.root / "loans.csv").read_bytes()).hexdigest()
    (project.root / "loans.csv").write_bytes(content)
    small.edit(project, old, hashlib.sha256(content).hexdigest())
    small.trained(project)

    found = compared(project, "loans-2", "loans-1")
    assert found.rows == 400
    assert found.our_data != found.other_data


def test_data_that_is_gone_leaves_the_sample_that_both_were_tested_on(project: Project):
    train_second(project, *WORSE)
    drop_data(project)

    assert compared(project, "loans-2", "loans-1").told_rows == "a sample of 300 test rows of loans-2"


def test_different_rows_whose_data_is_gone_are_refused(project: Project):
    train_second(project, "threshold=", "split=stratified(test=0.2, seed=7),\n    threshold=")
    drop_data(project)

    with pytest.raises(InfrastructureError, match="nobody can tell which rows it has learnt from"):
        compared(project, "loans-2", "loans-1")


def drop_data(project: Project) -> None:
    sha256 = hashlib.sha256((project.root / "loans.csv").read_bytes()).hexdigest()
    (project.root / ".towpath/objects/sha256" / sha256[:2] / sha256[2:]).unlink()
    (project.root / "loans.csv").unlink()


@pytest.mark.scenario("S063")
def test_a_metric_that_is_no_longer_measured_is_asked_all_the_same(project: Project):
    small.edit(project, 'gates=[at_least("auc", 0.6)]', "gates=[]")
    train_second(project, "metrics=[auc(), f1", "metrics=[f1")
    found = compared(project, "loans-2", "loans-1")

    assert {metric.name for metric in found.metrics} == {"auc", "f1"}


@pytest.mark.scenario("S063")
def test_a_metric_without_a_number_on_these_rows_is_missing_and_fails(project: Project):
    small.edit(project, 'f1("late")]', 'f1("late"), precision("late")]')
    train_second(project, 'threshold=best_for("f1")', "threshold=0.999999")
    found = compared(project, "loans-2", "loans-1")

    assert found.metric("precision").verdict == "missing"
    assert found.verdict == "missing"


def test_the_class_of_interest_decides_unless_a_gate_says_otherwise(project: Project):
    train_second(project, *WORSE)
    assert [metric.name for metric in compared(project, "loans-2", "loans-1").metrics if metric.decides] == ["f1"]

    small.edit(project, "gates=[", 'gates=[no_worse_than_champion("auc", margin=0.02), ')
    found = compared(project, "loans-2", "loans-1")
    assert [metric.name for metric in found.metrics if metric.decides] == ["auc"]
    assert found.metric("auc").margin == 0.02
    assert [gate.gate for gate in found.gates] == ["auc no worse than the champion's by 0.02"]


def test_models_that_predict_different_things_are_not_compared(project: Project):
    train_second(project, 'negative="paid"', 'negative="fine"')

    with pytest.raises(UsageError, match="loans-2 predicts late"):
        compared(project, "loans-2", "loans-1")


def test_a_model_of_more_fields_is_asked_where_the_rows_have_them(project: Project):
    train_second(project, '    purpose: Literal["car", "house", "other"]\n', "")

    with pytest.raises(UsageError, match="loans-1 asks for purpose"):
        compared(project, "loans-2", "loans-1")


def test_the_held_out_sample_answers_as_it_was_measured(project: Project):
    one = contender(project, "loans-1")
    rows = held_out_sample(project.objects, one)

    assert len(rows.targets) == 300
    assert one.scores(rows.features).shape == (300, 1)
