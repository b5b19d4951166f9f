"""towpath compare and the champion's gates at pack; bundle diff; the report of a candidate."""

import json
import re
import shutil
from pathlib import Path

import msgspec
import pytest

from tests.cli.conftest import Towpath
from tests.training import small
from towpath.core.comparison import Comparison
from towpath.wiring import Project

GATE = 'gates=[no_worse_than_champion("auc", margin=0.01), '
STUMP = "__import__('sklearn.tree').tree.DecisionTreeClassifier(max_depth=1)"
MODEL = "LogisticRegression(C=1.0, max_iter=500)"


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with one candidate, trained once."""
    project = small.make_project(tmp_path_factory.mktemp("bank"), frame=small.loans(1_200))
    small.edit(project, "gates=[", GATE)
    small.trained(project)
    return project.root


@pytest.fixture
def project(once: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A copy of it to work in."""
    for name in ("TOWPATH_DATA", "TOWPATH_SEED"):
        monkeypatch.delenv(name, raising=False)
    shutil.copytree(once, tmp_path / "bank")
    monkeypatch.chdir(tmp_path / "bank")
    return small.reopened(tmp_path / "bank")


def make_worse(project: Project) -> None:
    small.edit(project, MODEL, STUMP)
    small.trained(project)


@pytest.mark.scenario("S062")
@pytest.mark.feature("F226", "F227")
def test_a_worse_candidate_fails_with_the_differences_and_their_intervals(towpath: Towpath, project: Project):
    towpath("pack", "loans-1")
    make_worse(project)
    done = towpath("compare", "loans")

    assert done.code == 1
    assert re.match(r"loans-2 is worse than bundle:[0-9a-f]{12}\n", done.out)
    assert re.search(
        r"auc \(decides\) +0\.\d{4} +0\.\d{4} +-0\.\d{4} +\[-0\.\d{4}, -0\.\d{4}\] +0\.002 +WORSE", done.out
    )
    assert "the 240 test rows of both" in done.out
    assert "GATE" in done.out
    assert "loans-2 is worse than" in done.err


def test_a_better_candidate_is_done(towpath: Towpath, project: Project):
    make_worse(project)
    done = towpath("compare", "loans-1", "loans-2")

    assert done.code == 0
    assert done.out.startswith("loans-1 is better than loans-2")


def test_rows_that_cannot_tell_are_inconclusive(towpath: Towpath, project: Project):
    small.edit(project, "C=1.0", "C=0.000001")
    small.trained(project)
    done = towpath("compare", "loans-2", "loans-1", "--margin", "auc=0")

    assert done.code == 7, done.out
    assert "240 rows cannot tell whether loans-2 is better in auc" in done.err


def test_without_a_champion_it_is_the_candidate_before(towpath: Towpath, project: Project):
    make_worse(project)

    assert "loans-2 is worse than loans-1" in towpath("compare", "loans").out


def test_one_candidate_alone_has_nothing_to_be_compared_with(towpath: Towpath, project: Project):
    done = towpath("compare", "loans")

    assert done.code == 2
    assert "there is nothing to compare loans-1 with" in done.err


def test_the_same_model_twice_is_no_comparison(towpath: Towpath, project: Project):
    assert "are the same bundle" in towpath("compare", "loans-1", "loans-1").err


@pytest.mark.parametrize("margin", ["f1", "f1=", "=0.1", "f1=-1", "f1=nan"])
def test_a_margin_that_is_none_is_a_usage_fault(towpath: Towpath, project: Project, margin: str):
    assert towpath("compare", "loans", "--margin", margin).code == 2


def test_a_margin_of_a_metric_that_nobody_measured_is_refused_with_those_there_are(towpath: Towpath, project: Project):
    make_worse(project)
    done = towpath("compare", "loans", "--margin", "fi=0.01")

    assert done.code == 2
    assert "fi, which neither of the two measured" in done.err
    assert "auc, f1" in done.err


def test_models_of_two_services_are_not_compared(towpath: Towpath, project: Project):
    shutil.copytree(project.root / "services/loans", project.root / "services/boats")
    declared = project.root / "services/boats/service.py"
    declared.write_text(declared.read_text().replace('name="loans"', 'name="boats"'))
    assert towpath("train", "boats").code == 0
    done = towpath("compare", "loans-1", "boats-1")

    assert done.code == 2
    assert "loans-1 is of loans, boats-1 of boats" in done.err
    assert "compare two of one service" in done.err


def test_machines_get_the_same(towpath: Towpath, project: Project):
    make_worse(project)
    done = towpath("--json", "compare", "loans")

    assert done.code == 1
    assert done.envelope["ok"] is False
    found = msgspec.convert(done.envelope["data"], Comparison)
    assert (found.verdict, found.rows) == ("worse", 240)


def test_a_candidate_that_falls_behind_the_champion_is_not_packed(towpath: Towpath, project: Project):
    towpath("pack", "loans-1")
    make_worse(project)
    blocked = towpath("pack", "loans")

    assert blocked.code == 4
    assert "fail: auc no worse than the champion's by 0.01" in blocked.err
    assert len(list((project.bundles / "loans").iterdir())) == 1
    assert towpath("pack", "loans", "--waive", "the champion is withdrawn").code == 0


def test_the_champions_word_is_kept_with_the_candidate_and_not_in_the_bundle(towpath: Towpath, project: Project):
    towpath("pack", "loans-1")
    small.edit(project, "C=1.0", "C=0.9")
    small.trained(project)
    home = project.candidates / "loans" / "2"
    promised = json.loads((home / "candidate.json").read_bytes())["bundle"]
    packed = towpath("--json", "pack", "loans").data

    assert packed["id"] == promised
    inside = json.loads((Path(packed["path"]) / "evaluation.json").read_bytes())
    assert [gate["verdict"] for gate in inside["gates"]] == ["inconclusive", "pass"]
    assert json.loads((home / "champion.json").read_bytes())["gates"][0]["verdict"] == "pass"
    assert "pass: auc no worse than the champion's by 0.01" in towpath("candidate", "show", "loans").out


def test_another_champion_can_be_named(towpath: Towpath, project: Project):
    first = towpath("--json", "pack", "loans-1").data
    make_worse(project)
    worse = towpath("--json", "pack", "loans", "--waive", "a trial").data
    small.edit(project, STUMP, "LogisticRegression(C=0.9, max_iter=500)")
    small.trained(project)

    assert f"with bundle:{worse['id'][:12]}" in towpath("pack", "loans-3").err
    assert f"with bundle:{first['id'][:12]}" in towpath("pack", "loans-3", "--champion", first["path"]).err


def test_without_a_champion_nothing_is_asked(towpath: Towpath, project: Project):
    done = towpath("pack", "loans-1")

    assert done.code == 0
    assert "warning: inconclusive: auc no worse than the champion's" in done.err
    assert "there is no champion yet: nothing of loans is packed" in done.err
    assert "1 gate passes, 1 inconclusive" in towpath("candidate", "list").out
    assert "comparing" not in done.err


def test_a_training_tells_whether_there_is_a_champion_and_its_bundle_does_not(towpath: Towpath, project: Project):
    first = towpath("train", "loans", "--force")
    packed = towpath("--json", "pack", "loans").data
    small.edit(project, MODEL, "LogisticRegression(C=0.9, max_iter=500)")
    second = towpath("train", "loans")

    alone, against = "there is no champion yet: nothing of loans is packed", f"compares with bundle:{packed['id'][:12]}"
    home = project.candidates / "loans"
    assert alone in first.out and alone in (home / "2" / "report.html").read_text()
    assert against in second.out and against in (home / "3" / "report.html").read_text()
    assert against in towpath("candidate", "show", "loans").out
    assert "a bundle knows no champion" in (home / "3" / "files" / "evaluation.json").read_text()


def test_a_champion_whose_rows_are_gone_only_warns(towpath: Towpath, project: Project):
    towpath("pack", "loans-1")
    small.edit(project, "threshold=", "split=stratified(test=0.2, seed=7),\n    threshold=")
    small.trained(project)
    for path in (project.state / "objects").rglob("*"):
        if path.is_file():
            path.unlink()
    (project.root / "loans.csv").unlink()
    done = towpath("pack", "loans-2")

    assert done.code == 0
    assert "the champion could not be asked" in done.err


@pytest.mark.scenario("S009")
def test_a_diff_of_two_bundles_asks_for_a_version_step(towpath: Towpath, project: Project):
    small.edit(project, '"p": probability("late")', '"p": probability("late"), "top": top()')
    small.trained(project)
    small.edit(project, '"late": decide("late"), ', "")
    small.trained(project)

    minor, major = towpath("bundle", "diff", "loans-1", "loans-2"), towpath("bundle", "diff", "loans-2", "loans-3")
    assert minor.out.startswith("minor: something is added, nothing breaks\n")
    assert "additive  answer.top  is new" in minor.out
    assert "0 of 240 decisions differ" in minor.out
    assert major.out.startswith("major: 1 change breaks what clients rely on\n")
    assert towpath("--json", "bundle", "diff", "loans-2", "loans-3").data["step"] == "major"


@pytest.mark.scenario("S009")
def test_other_error_texts_ask_for_a_patch_and_other_answers_for_more(towpath: Towpath, project: Project):
    small.edit(project, "    gates=[", '    title="Late loans",\n    gates=[')
    small.trained(project)
    make_worse(project)

    assert towpath("bundle", "diff", "loans-1", "loans-2").out.startswith("patch: clients notice nothing but words\n")
    assert towpath("bundle", "diff", "loans-2", "loans-3").out.startswith(
        "minor: answers change beyond the tolerance\n"
    )


def test_the_report_is_told_of_and_can_be_written_elsewhere(towpath: Towpath, project: Project, tmp_path: Path):
    done = towpath("candidate", "report", "loans", "--output", tmp_path / "page.html")

    assert done.code == 0
    page = (tmp_path / "page.html").read_text()
    assert page == (project.candidates / "loans" / "1" / "report.html").read_text()
    assert "loans-1" in page
    assert towpath("--json", "candidate", "report", "loans").data["bytes"] == len(page.encode())


def test_a_candidate_without_a_report_says_how_to_get_one(towpath: Towpath, project: Project):
    (project.candidates / "loans" / "1" / "report.html").unlink()
    done = towpath("candidate", "report", "loans")

    assert done.code == 8
    assert "towpath train loans --force" in done.err
