"""towpath data add, history, checkout, rollback, push, restore, check: a team's data on the command line."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import ROOT, Towpath, process
from tests.data.months import alter, content, month, sha256_of, written
from towpath.data.objects import ObjectStore

SERVICE = """
from typing import Annotated

from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from towpath.declare import Meta, Record, Service, auc, binary, between, csv, probability


class Customer(Record):
    Age: Annotated[int, Meta(ge=18, le=100)]
    Balance: Annotated[float, Meta(ge=0)]


service = Service(
    "churn",
    record=Customer,
    target=binary("Exited", positive="churn"),
    data=csv("churn.csv"),
    answer={"p": probability("churn")},
    metrics=[auc()],
    rules=[between("Balance", 0, 50_000, severity="warning")],
)


@service.build
def build(columns):
    return make_pipeline(columns.encode(numbers="standard"), LogisticRegression())
"""

MAY, JUNE, JULY = month(120), month(130), month(140)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with one service whose data is declared without sha256, and three months to add."""
    for name in ("TOWPATH_DATA", "TOWPATH_REMOTE", "TOWPATH_SEED"):
        monkeypatch.delenv(name, raising=False)
    root = tmp_path / "team"
    (root / "services/churn").mkdir(parents=True)
    (root / "towpath.toml").write_text('format = "towpath/project/1"\nname = "team"\n')
    (root / "services/churn/service.py").write_text(SERVICE)
    for name, frame in (("may", MAY), ("june", JUNE), ("july", JULY)):
        written(tmp_path, frame, f"{name}.csv")
    subprocess.run(["git", "init", "--quiet", str(root)], check=True)
    for key, value in (("user.name", "Ana Lyst"), ("user.email", "ana@example.com")):
        subprocess.run(["git", "-C", str(root), "config", key, value], check=True)
    monkeypatch.chdir(root)
    return root


@pytest.fixture
def three(project: Path, towpath: Towpath) -> Path:
    for name in ("may", "june", "july"):
        assert towpath("data", "add", "churn", "--from", f"../{name}.csv", "--message", name).code == 0
    return project


def store(project: Path) -> ObjectStore:
    return ObjectStore(project / ".towpath/objects")


def current(towpath: Towpath) -> tuple[int, str]:
    (file,) = towpath("--json", "data", "list", "churn").data
    return file["version"], file["sha256"]


# --- versions


@pytest.mark.scenario("S069")
def test_new_data_is_a_version_and_a_training_is_proposed(project: Path, towpath: Towpath):
    towpath("data", "add", "churn", "--from", "../may.csv")
    done = towpath("data", "add", "churn", "--from", "../june.csv")

    assert done.out.startswith("churn data version 2 is recorded and checked out\n")
    assert done.out.endswith("next       towpath train churn\n")
    assert current(towpath) == (2, sha256_of(JUNE))


@pytest.mark.scenario("S073")
@pytest.mark.feature("F249")
def test_the_history_shows_every_version_with_date_and_author(three: Path, towpath: Towpath):
    done = towpath("--json", "data", "history", "churn").data

    assert [(one["version"], one["rows"], one["message"]) for one in done["versions"]] == [
        (1, 120, "may"),
        (2, 130, "june"),
        (3, 140, "july"),
    ]
    assert {one["added_by"] for one in done["versions"]} == {"Ana Lyst <ana@example.com>"}
    assert all(one["added_at"].endswith("Z") for one in done["versions"])
    assert "* 3  20" in towpath("data", "history", "churn").out


def test_a_service_without_history_says_how_to_begin_one(project: Path, towpath: Towpath):
    assert "towpath data add churn --from FILE" in towpath("data", "history", "churn").out
    done = towpath("data", "pull", "churn")

    assert done.code == 2
    assert "churn.csv: there is neither a sha256 in service.py nor a version yet" in done.err
    assert "towpath data add churn --from FILE" in done.err


@pytest.mark.scenario("S073")
@pytest.mark.feature("F250")
def test_an_earlier_version_is_checked_out_and_written_byte_for_byte(three: Path, towpath: Towpath):
    towpath("data", "checkout", "churn", "1", "--output", "old")
    assert (three / "old/churn.csv").read_bytes() == content(MAY)
    assert current(towpath) == (3, sha256_of(JULY)), "writing it somewhere changes nothing"

    assert towpath("data", "checkout", "churn", "1").code == 0
    assert current(towpath) == (1, sha256_of(MAY))


def test_a_version_that_is_not_there_is_a_usage_error(three: Path, towpath: Towpath):
    done = towpath("data", "checkout", "churn", "9")

    assert done.code == 2
    assert "its versions are: 1, 2, 3" in done.err


@pytest.mark.scenario("S074")
def test_a_rollback_goes_back_and_says_why_to_who_asks_for_the_bad_one(three: Path, towpath: Towpath):
    done = towpath("data", "rollback", "churn", "--reason", "balances in cents")
    asked = towpath("data", "checkout", "churn", "3")

    assert done.out.startswith("churn data is back at version 2\n")
    assert current(towpath) == (2, sha256_of(JUNE))
    assert asked.code == 6
    assert "version 3 was dropped by Ana Lyst" in asked.err
    assert "balances in cents" in asked.err


def test_a_file_is_looked_for_where_pull_looks(project: Path, towpath: Towpath):
    written(project, MAY)

    assert towpath("data", "add", "churn").code == 0
    assert current(towpath) == (1, sha256_of(MAY))


def test_data_that_breaks_a_rule_is_refused_and_a_warning_is_told(project: Path, towpath: Towpath):
    written(project.parent, month(Age=[130, *MAY["Age"][1:]]), "bad.csv")
    written(project.parent, month(Balance=[60_000.0, *MAY["Balance"][1:]]), "odd.csv")
    refused = towpath("data", "add", "churn", "--from", "../bad.csv")
    warned = towpath("data", "add", "churn", "--from", "../odd.csv")

    assert refused.code == 2
    assert "Age: breaks le=100 in 1 row, the first is row 0: 130 (Q08 range)" in refused.err
    assert warned.code == 0
    assert "warning    Q09 expected range: Balance: is not from 0 to 50000 in 1 row" in warned.out


def test_data_of_a_library_has_no_versions(portfolio: Path, towpath: Towpath):
    done = towpath("data", "add", "iris", "--from", "towpath.toml")

    assert done.code == 2
    assert "ships with scikit-learn" in done.err


# --- quality


@pytest.mark.scenario("S071")
@pytest.mark.feature("F255")
def test_check_asks_every_rule_and_its_exit_code_is_the_verdict(three: Path, towpath: Towpath):
    good = towpath("data", "check", "churn")
    service = three / "services/churn/service.py"
    service.write_text(service.read_text().replace("le=100", "le=70").replace("50_000", "10_000"))
    bad = towpath("--json", "data", "check", "churn")

    assert good.code == 0
    assert good.out.startswith("churn: 140 rows, 0 faults, 0 warnings\n  pass  Q01  present\n")
    assert bad.code == 1
    (found,) = bad.envelope["data"]
    broken = {one["rule"]: one["verdict"] for one in found["results"] if one["verdict"] != "pass"}
    assert broken == {"Q08": "fail", "Q09": "warn"}
    assert bad.envelope["error"]["message"] == "the data of churn cannot be learnt from"


# --- a folder that is shared


@pytest.mark.scenario("S075")
@pytest.mark.feature("F251", "F252")
def test_a_clone_without_the_data_pulls_every_byte_from_the_remote(three: Path, towpath: Towpath, monkeypatch):
    remote = three.parent / "shared"
    remote.mkdir()
    pushed = towpath("--json", "data", "push", "churn", "--remote", remote).data
    clone = three.parent / "elsewhere/clone"
    shutil.copytree(three, clone, ignore=shutil.ignore_patterns(".towpath"))
    monkeypatch.chdir(clone)
    alone = towpath("data", "pull", "churn")
    monkeypatch.setenv("TOWPATH_REMOTE", str(remote))
    pulled = towpath("--json", "data", "pull", "churn").data

    assert [(one["version"], one["state"]) for one in pushed] == [(1, "pushed"), (2, "pushed"), (3, "pushed")]
    assert alone.code == 8
    assert [(one["state"], one["sha256"]) for one in pulled] == [("pulled", sha256_of(JULY))]
    assert store(clone).get(sha256_of(JULY)) == content(JULY)
    assert towpath("data", "checkout", "churn", "1").code == 0, "older versions come when they are asked for"


def test_the_remote_may_stand_in_the_projects_file(three: Path, towpath: Towpath):
    (three / "shared").mkdir()
    (three / "towpath.toml").write_text('format = "towpath/project/1"\nname = "team"\nremote = "shared"\n')

    assert towpath("data", "push", "churn").code == 0
    assert ObjectStore(three / "shared").get(sha256_of(MAY)) == content(MAY)


def test_without_a_remote_a_push_says_how_to_name_one(three: Path, towpath: Towpath):
    nameless = towpath("data", "push", "churn")
    absent = towpath("data", "push", "churn", "--remote", "nowhere")

    assert (nameless.code, absent.code) == (2, 8)
    assert 'remote = "DIR" in towpath.toml' in nameless.err
    assert "mkdir -p nowhere" in absent.err
    assert not (three / "nowhere").exists()


@pytest.mark.scenario("S076")
def test_an_altered_byte_in_the_remote_fails_the_pull_with_file_and_digests(three: Path, towpath: Towpath):
    remote = ObjectStore(three.parent / "shared")
    remote.root.parent.mkdir()
    towpath("data", "push", "churn", "--remote", "../shared")
    path = alter(remote, sha256_of(JULY))
    shutil.rmtree(three / ".towpath")
    done = towpath("data", "pull", "churn", "--remote", three.parent / "shared")

    assert done.code == 10
    assert f"{path} was altered: its sha256 is " in done.err
    assert f"not {sha256_of(JULY)}" in done.err


@pytest.mark.scenario("S077")
@pytest.mark.feature("F254")
def test_an_incident_is_detected_restored_and_verified_and_its_timeline_kept(three: Path, towpath: Towpath):
    (three.parent / "shared").mkdir()
    towpath("data", "push", "churn", "--remote", "../shared")
    path = alter(store(three), sha256_of(JULY))

    detected = towpath("data", "verify", "churn")
    trained = towpath("train", "churn")
    restored = towpath("data", "restore", "churn", "--remote", "../shared", "--reason", "bad disk in host 7")
    verified = towpath("data", "verify", "churn")

    assert (detected.code, trained.code, restored.code, verified.code) == (10, 10, 0, 0)
    assert f"{path} was altered" in detected.err
    assert "try: towpath data restore churn" in detected.err
    events = towpath("--json", "data", "history", "churn").data["events"][3:]
    assert [(event["what"], event["version"], event["by"]) for event in events] == [
        ("damaged", 3, "Ana Lyst <ana@example.com>"),
        ("restored", 3, "Ana Lyst <ana@example.com>"),
    ]
    assert events[1]["why"].startswith("bad disk in host 7; from ")
    assert all(event["at"] for event in events)


def test_without_a_whole_copy_anywhere_the_loss_is_named(three: Path, towpath: Towpath):
    alter(store(three), sha256_of(JULY))
    done = towpath("data", "restore", "churn")

    assert done.code == 10
    assert f"there is no whole copy of: churn.csv sha256 {sha256_of(JULY)}" in done.err


# --- DVC


@pytest.mark.feature("F251")
def test_a_version_goes_out_to_dvc_and_another_comes_in(three: Path, towpath: Towpath):
    (three.parent / "dvc").mkdir()
    out = towpath("--json", "data", "export-dvc", "churn", "--remote", "../dvc", "--version", "2").data
    shutil.rmtree(three / ".towpath")
    (three / "services/churn/data.history.jsonl").unlink()
    back = towpath("--json", "data", "import-dvc", "churn", "churn.csv.dvc", "--remote", "../dvc").data

    assert out["pointers"] == [str(three / "churn.csv.dvc")]
    assert (back["version"], back["message"]) == (1, "from churn.csv.dvc")
    assert store(three).get(sha256_of(JUNE)) == content(JUNE)


# --- killed in the middle, and two at once


@pytest.mark.slow
@pytest.mark.integration
def test_killed_between_the_bytes_and_the_history_the_project_is_as_before_and_the_same_command_goes_on(project: Path):
    history = project / "services/churn/data.history.jsonl"
    die = "import os, towpath.data.history as h\nh._replace = lambda *_: os.kill(os.getpid(), 9)"
    process("data", "add", "churn", "--from", "../may.csv", cwd=project)
    before = history.read_bytes()
    killed = process("data", "add", "churn", "--from", "../june.csv", cwd=project, code=die)

    assert killed.returncode == -9
    assert history.read_bytes() == before
    assert process("data", "verify", "churn", cwd=project).returncode == 0
    again = process("--json", "data", "add", "churn", "--from", "../june.csv", cwd=project)
    assert json.loads(again.stdout)["data"]["version"] == 2


@pytest.mark.integration
def test_two_who_add_at_once_get_a_number_each(project: Path):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    words = [sys.executable, "-m", "towpath", "--quiet", "data", "add", "churn", "--from"]
    adding = [subprocess.Popen([*words, f"../{name}.csv"], cwd=project, env=environment, stdout=subprocess.DEVNULL)
              for name in ("may", "june", "july")]  # fmt: skip

    assert [one.wait(timeout=60) for one in adding] == [0, 0, 0]
    events = [json.loads(line) for line in (project / "services/churn/data.history.jsonl").read_text().splitlines()]
    assert [event["version"] for event in events] == [1, 2, 3]
    assert {event["files"][0]["sha256"] for event in events} == {sha256_of(MAY), sha256_of(JUNE), sha256_of(JULY)}
