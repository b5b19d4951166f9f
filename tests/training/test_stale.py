"""A candidate is stale where its declaration, data or libraries changed, and is told what changed."""

import shutil
from pathlib import Path

import pytest

from tests.training import small
from tests.training.small import edit, make_project, reopened, trained
from towpath.core import formats
from towpath.training import stale
from towpath.training.stale import changes, inputs_of
from towpath.wiring import Project


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = make_project(tmp_path_factory.mktemp("once") / "bank")
    trained(project)
    return project.root


@pytest.fixture
def project(once: Path, tmp_path: Path) -> Project:
    shutil.copytree(once, tmp_path / "bank")
    return reopened(tmp_path / "bank")


def reasons(project: Project) -> list[str]:
    return stale.check(project.service("loans"), project.place("loans"))[1]


def test_a_candidate_is_fresh_where_nothing_changed(project: Project):
    assert reasons(project) == []


@pytest.mark.feature("F221")
@pytest.mark.scenario("S070")
@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("C=1.0", "C=0.5", "the estimator changed (logisticregression__C 1.0 -> 0.5)"),
        ('numbers="impute"', 'numbers="scale"', "the estimator changed ("),
        ("Meta(ge=1, le=120)", "Meta(ge=1, le=360)", "the record changed"),
        ('gates=[at_least("auc", 0.6)]', "gates=[]", "the gates changed"),
        ('best_for("f1")', "0.5", "the threshold changed"),
        ('"p": probability("late")', '"score": probability("late")', "the answer changed"),
    ],
)
def test_what_changed_is_told(project: Project, old: str, new: str, why: str):
    edit(project, old, new)

    (told,) = reasons(project)
    assert told.startswith(why)


FITS = 'make_pipeline(columns.encode(numbers="impute"), LogisticRegression(C=1.0, max_iter=500))'
IMPORT = "from sklearn.linear_model import LogisticRegression"


def test_another_class_of_estimator_is_told_instead_of_its_parameters(project: Project):
    edit(project, IMPORT, f"{IMPORT}\nfrom sklearn.ensemble import BaggingClassifier")
    edit(project, FITS, f"BaggingClassifier({FITS})")

    assert reasons(project) == ["the estimator changed (Pipeline -> BaggingClassifier)"]


def test_another_class_of_a_step_is_told_too(project: Project):
    edit(project, IMPORT, f"{IMPORT}\nfrom sklearn.tree import DecisionTreeClassifier")
    edit(project, "LogisticRegression(C=1.0, max_iter=500)", "DecisionTreeClassifier()")

    assert reasons(project) == ["the estimator changed (LogisticRegression -> DecisionTreeClassifier)"]


def test_a_remark_in_the_code_changes_nothing(project: Project):
    edit(project, "service = Service(", "# a remark\nservice = Service(")

    assert reasons(project) == []


def test_a_function_of_ones_own_is_known_by_its_file(project: Project):
    own = "LogisticRegression(C=1.0, max_iter=500)"
    step = "FunctionTransformer(twice), " + own
    edit(project, own, step)
    edit(project, "import numpy as np", "import numpy as np\nfrom sklearn.preprocessing import FunctionTransformer\n"
         "from .own import twice")  # fmt: skip
    (project.root / "services/loans/own.py").write_text("def twice(rows):\n    return rows * 2\n")
    service = project.service("loans")
    then = stale.read_inputs(service, stale.files_at_hand(service, project.place("loans")), seed=42)
    (project.root / "services/loans/own.py").write_text("def twice(rows):\n    return rows * 3\n")
    service = project.service("loans")
    now = stale.read_inputs(service, stale.files_at_hand(service, project.place("loans")), seed=42)

    assert changes(then, now) == ["the estimator's own code changed, or a library it uses"]


def test_other_data_is_told_with_both_digests(project: Project, tmp_path: Path):
    then = inputs_of(project.candidates, "loans")
    other = make_project(tmp_path / "other", frame=small.loans(seed=2))
    service = other.service("loans")
    now = stale.read_inputs(service, stale.files_at_hand(service, other.place("loans")), seed=42)

    assert then is not None
    (told,) = changes(then, now)
    was, is_ = then.data["files"]["loans.csv"][:12], now.data["files"]["loans.csv"][:12]
    assert told == f"the data changed: loans.csv is sha256 {is_}, it was sha256 {was}"


def test_another_version_of_a_library_is_told(project: Project):
    then = inputs_of(project.candidates, "loans")
    assert then is not None
    now = stale.read_inputs_file(formats.canonical(then).replace(b'"numpy":"', b'"numpy":"9.'), "memory")

    assert changes(then, now) == [f"numpy changed ({then.libraries['numpy']} -> 9.{then.libraries['numpy']})"]


def test_a_service_without_a_candidate_is_told(project: Project):
    shutil.rmtree(project.candidates)

    assert stale.check(project.service("loans"), project.place("loans")) == (None, ["it has no candidate yet"])


def test_to_check_brings_no_data_and_reads_none(project: Project):
    shutil.rmtree(project.state / "objects")

    assert reasons(project) == []
    assert not (project.state / "objects").exists()


def test_what_was_trained_with_set_parameters_is_compared_with_them(project: Project):
    trained(project, params={"logisticregression__C": 0.1})

    assert reasons(project) == []


def test_set_parameters_that_are_gone_are_told(project: Project):
    trained(project, params={"logisticregression__C": 0.1})
    edit(project, "LogisticRegression(C=1.0, max_iter=500)", "RidgeCV()")
    edit(project, "import LogisticRegression", "import RidgeCV")

    assert "logisticregression__C: is no parameter of the estimator" in reasons(project)[0]


def test_a_candidate_from_before_says_that_it_cannot_tell(project: Project):
    (project.candidates / "loans/1/inputs.json").unlink()

    assert reasons(project) == ["it does not say what it was made of"]
