"""A stage is done again where one of its own inputs changed, and only there."""

import json
import os
import shutil
from pathlib import Path

import pytest

from tests.training import small
from tests.training.small import edit, make_project, redone, reopened, trained
from towpath.core.errors import VerificationRefused
from towpath.training import stages
from towpath.training.candidate import read_files
from towpath.training.run import Run
from towpath.wiring import Project

EVERY = ["prepare", "fit", "evaluate", "lay out"]


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Run]:
    """A project that was trained once, and how that went."""
    project = make_project(tmp_path_factory.mktemp("once") / "bank")
    return project.root, trained(project)


@pytest.fixture
def project(once: tuple[Path, Run], tmp_path: Path) -> Project:
    """A copy of it: a project is moved by copying it."""
    shutil.copytree(once[0], tmp_path / "bank")
    return reopened(tmp_path / "bank")


@pytest.fixture
def first(once: tuple[Path, Run]) -> Run:
    return once[1]


@pytest.mark.scenario("S072")
def test_nothing_is_done_again_when_nothing_changed(project: Project, first: Run):
    again = trained(project)

    assert redone(first) == EVERY
    assert (redone(again), again.unchanged, again.candidate.name) == ([], True, "loans-1")


CHANGES = [
    ("C=1.0", "C=0.5", ["fit", "evaluate", "lay out"]),
    ('best_for("f1")', "0.4", ["fit", "evaluate", "lay out"]),
    ('at_least("auc", 0.6)', 'at_least("auc", 0.55)', ["evaluate", "lay out"]),
    ("metrics=[auc(), ", "metrics=[auc(), brier(), ", ["evaluate", "lay out"]),
    ('"late": decide("late")', '"is_late": decide("late", as_=int)', ["lay out"]),
    ('name="loans",', 'name="loans", title="Loans",', ["lay out"]),
    ("service = Service(", "# Nothing but a remark.\nservice = Service(", []),
]


@pytest.mark.feature("F244")
@pytest.mark.scenario("S072")
@pytest.mark.parametrize(("old", "new", "affected"), CHANGES, ids=[new for _, new, _ in CHANGES])
def test_only_the_affected_stages_are_done_again(project: Project, old: str, new: str, affected: list[str]):
    edit(project, old, new)

    assert redone(trained(project)) == affected


def test_another_split_prepares_again_and_all_that_follows(project: Project):
    edit(project, 'threshold=best_for("f1")', 'threshold=best_for("f1"), split=stratified(test=0.3)')

    assert redone(trained(project)) == EVERY


def test_another_split_that_gives_the_same_rows_is_told_all_the_same(project: Project):
    edit(project, 'threshold=best_for("f1")', 'threshold=best_for("f1"), split=stratified(test=0.1999)')

    again = trained(project)

    assert redone(again) == ["prepare", "lay out"]
    assert again.data.split.test == 0.1999


def test_another_seed_fits_again_on_the_same_split(project: Project):
    assert redone(trained(project, seed=7)) == ["fit", "evaluate", "lay out"]


def test_other_data_changes_everything(project: Project):
    before = small.SERVICE.split('sha256="')[0]
    other = make_project(project.root.parent / "other", frame=small.loans(seed=2))
    text = (other.root / "services/loans/service.py").read_text()
    (project.root / "services/loans/service.py").write_text(text)
    (project.root / "loans.csv").write_bytes((other.root / "loans.csv").read_bytes())

    assert text.startswith(before)
    assert redone(trained(project)) == EVERY


def test_what_is_found_and_what_is_done_give_the_same_bundle(project: Project, first: Run):
    edit(project, "C=1.0", "C=0.5")
    trained(project)
    edit(project, "C=0.5", "C=1.0")
    back = trained(project)

    assert (redone(back), back.candidate.name) == ([], "loans-3")
    assert read_files(back.path) == read_files(first.path)
    assert back.evaluation == first.evaluation


@pytest.mark.scenario("S060")
def test_to_force_a_training_does_everything_and_comes_to_the_same_bundle(project: Project, first: Run):
    forced = trained(project, force=True)

    assert redone(forced) == EVERY
    assert (forced.candidate.name, forced.same_as) == ("loans-2", "loans-1")
    assert forced.candidate.bundle == first.candidate.bundle


def test_a_candidate_that_is_gone_comes_back_from_the_stages(project: Project, first: Run):
    shutil.rmtree(project.candidates)

    again = trained(project)

    assert (redone(again), again.unchanged, again.candidate.bundle) == ([], False, first.candidate.bundle)


@pytest.mark.parametrize("stage", ["prepare", "fit", "evaluate", "lay-out"])
def test_a_result_with_an_altered_byte_is_told_and_made_again(project: Project, first: Run, stage: str):
    spoiled = max((project.stages / "loans" / stage).glob("*/*"), key=lambda path: path.stat().st_size)
    content = spoiled.read_bytes()
    spoiled.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    said: list[str] = []

    again = trained(project, said=said)

    assert redone(again) == [stage.replace("-", " ")]
    assert f"warning: {spoiled} was altered; the stage is done again" in said
    assert again.candidate.bundle == first.candidate.bundle


def test_a_half_written_result_is_not_taken(project: Project):
    (home,) = (project.stages / "loans" / "fit").iterdir()
    (home / stages.RECORD).write_bytes((home / stages.RECORD).read_bytes()[:40])

    assert redone(trained(project)) == ["fit"]


def test_only_the_results_used_last_stay(tmp_path: Path):
    for number in range(5):
        (tmp_path / str(number)).mkdir()
        os.utime(tmp_path / str(number), (number, number))
    os.utime(tmp_path / "0", (9, 9))

    stages.forget_oldest(tmp_path, kept=3)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["0", "3", "4"]


def test_where_results_cannot_be_kept_training_goes_on(project: Project):
    shutil.rmtree(project.stages)
    project.stages.write_bytes(b"in the way")
    said: list[str] = []

    assert trained(project, said=said).candidate.name == "loans-2"
    assert any("the stage is not kept" in line for line in said)


def test_another_towpath_does_everything_again(project: Project, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("towpath.training.train.towpath_code", lambda: "another")

    assert redone(trained(project)) == EVERY


def test_a_parameter_that_cannot_be_described_is_named_and_its_stage_never_kept(project: Project):
    edit(project, "LogisticRegression(C=1.0,", "LogisticRegression(C=1.0, random_state=np.random.RandomState(3),")
    trained(project)
    again = trained(project)

    assert redone(again) == ["fit", "evaluate", "lay out"]
    (why,) = {stage.uncached for stage in again.ran if stage.stage == "fit"}
    assert "random_state is a numpy.random" in why


def test_nothing_that_is_kept_is_a_pickle(project: Project):
    kinds = {path.suffix for path in project.stages.rglob("*") if path.is_file()}

    assert kinds <= {".json", ".npy", ".arrow", ".msgpack", ".bin", ".onnx", ".jsonl", ".lock", ".md", ".html"}
    assert not [path for path in project.stages.rglob("*") if path.is_file() and path.read_bytes()[:2] == b"\x80\x05"]


def test_the_record_of_a_stage_tells_what_it_is_and_how_long_it_took(project: Project):
    (record,) = (project.stages / "loans" / "fit").glob("*/stage.json")
    told = json.loads(record.read_bytes())

    assert (told["format"], told["stage"], told["key"]) == ("towpath/stage/1", "fit", record.parent.name)
    assert told["seconds"] > 0


def test_a_service_of_another_project_shares_nothing(project: Project, tmp_path: Path):
    assert redone(trained(make_project(tmp_path / "elsewhere"))) == EVERY
    assert redone(trained(reopened(project.root))) == []


def test_an_answer_that_a_cached_model_cannot_give_is_refused(project: Project):
    edit(project, "LogisticRegression(C=1.0, max_iter=500)", "StandardScaler(), MLPClassifier((4,), tol=0.1)")
    more = "from sklearn.neural_network import MLPClassifier\nfrom sklearn.preprocessing import StandardScaler"
    edit(project, "import LogisticRegression", f"import LogisticRegression\n{more}")
    trained(project)
    edit(project, '"p": probability("late")', '"p": probability("late"), "why": contributions()')

    with pytest.raises(
        VerificationRefused, match=r"answer\.why asks for contributions, which this model does not have"
    ):
        trained(project)
