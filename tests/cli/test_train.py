"""towpath train: what a run says and leaves, and how each thing that can be wrong is told."""

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import Towpath
from towpath.training.describe import files_digest

BROKEN = """
from typing import Annotated
from towpath.declare import *

class Customer(Record):
    Age: Annotated[int, Meta(ge=50, le=20)]
    Name: bytes

service = Service(
    name="bankchurn", record=Customer, target=binary("Exited", positive="churn"),
    data=csv("Churn.csv", sha256="f00"), answer={"p": probability("chrun")}, metrics=[auc()],
)
"""


def test_a_run_tells_where_it_is_and_how_good_and_what_comes_next(towpath: Towpath, portfolio: Path):
    done = towpath("train", "iris")

    assert done.code == 0
    assert done.out.startswith("iris-1 is trained with seed 42\n")
    for part in ("150 real rows of sklearn/iris", "accuracy  1.0000 [0.8865, 1.0000]", "pass: accuracy", "0 flips"):
        assert part in done.out
    assert str(portfolio / ".towpath/candidates/iris/1") in done.out
    assert "towpath pack iris" in done.out
    assert "iris: fitting on 120 training rows" in done.err


def test_the_envelope_holds_everything_measured(towpath: Towpath, portfolio: Path):
    (run,) = towpath("--json", "train", "iris").data

    assert (run["candidate"], run["origin"], run["seed"]) == ("iris-1", "real", 42)
    assert run["evaluation"]["metrics"][0] | {"low": 0, "high": 0} == {
        "name": "accuracy", "value": 1.0, "low": 0, "high": 0, "rows": 30,
    }  # fmt: skip
    assert Path(run["path"]).is_dir()
    assert len(run["bundle"]) == 64


def test_the_held_out_sample_is_kept_as_an_object(towpath: Towpath, portfolio: Path):
    (run,) = towpath("--json", "train", "iris").data
    lineage = json.loads((Path(run["path"]) / "files" / "data.json").read_bytes())

    holdout = portfolio / ".towpath/objects/sha256" / lineage["holdout"][:2] / lineage["holdout"][2:]
    assert len(holdout.read_bytes().splitlines()) == 30


@pytest.mark.feature("F247")
def test_generated_rows_are_called_so(towpath: Towpath, portfolio: Path):
    done = towpath("train", "bankchurn")

    assert "10000 GENERATED rows" in done.out


@pytest.mark.data
@pytest.mark.feature("F225", "F560", "F746")
def test_real_data_is_taken_from_the_folder_that_is_named(real_data: Path, towpath: Towpath, portfolio: Path):
    (run,) = towpath("--json", "train", "bankchurn", "--seed", "42", "--from", real_data).data

    assert run["origin"] == "real"
    assert {metric["name"]: metric["value"] for metric in run["evaluation"]["metrics"]}["auc"] >= 0.864


@pytest.mark.feature("F253")
def test_data_of_another_content_is_refused_with_both_digests(towpath: Towpath, portfolio: Path, tmp_path: Path):
    (tmp_path / "Churn.csv").write_text("not it")
    done = towpath("train", "bankchurn", "--from", tmp_path)

    assert done.code == 10
    assert hashlib.sha256(b"not it").hexdigest() in done.err
    assert "f212b3f2d0b97134069560966fa269b23ffc12df7125d7c2167dd100001fdc48" in done.err


def test_the_seed_is_the_flags_then_the_environments_then_42(
    towpath: Towpath, portfolio: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("TOWPATH_SEED", "5")

    assert towpath("--json", "train", "iris").data[0]["seed"] == 5
    assert towpath("--json", "train", "iris", "--seed", "7").data[0]["seed"] == 7


def test_a_wrong_name_is_answered_with_the_right_ones(towpath: Towpath, portfolio: Path):
    done = towpath("train", "churn")

    assert done.code == 2
    assert (
        "portfolio has no service 'churn'; its services are: bankchurn, carvision, iris, ml-api, ml-service, "
        "sentiment, telecom" in done.err
    )


def test_no_name_is_answered_with_all_names(towpath: Towpath, portfolio: Path):
    assert (
        "name one of bankchurn, carvision, iris, ml-api, ml-service, sentiment, telecom, or --all"
        in towpath("train").err
    )
    assert towpath("train", "iris", "--all").code == 2


def test_all_faults_of_a_declaration_come_at_once_with_path_and_mend(towpath: Towpath, portfolio: Path):
    (portfolio / "services/bankchurn/service.py").write_text(BROKEN)
    done = towpath("train", "bankchurn")

    assert done.code == 2
    for path in ("record.Age:", "record.Name:", "answer.p:", "data.Churn.csv:", "build:"):
        assert path in done.err
    assert "the classes are not churn, churn" in done.err
    assert "Traceback" not in done.err

    faults = towpath("--json", "train", "bankchurn").envelope["data"]["faults"]
    assert {"path", "reason"} == set(faults[0])
    assert len(faults) >= 5


def test_a_service_that_does_not_run_is_told_with_its_line(towpath: Towpath, portfolio: Path):
    (portfolio / "services/iris/service.py").write_text("import os\n\nx = 1 / 0\n")
    done = towpath("train", "iris")

    assert done.code == 2
    assert "line 3: ZeroDivisionError" in done.err


def test_a_fault_in_one_service_is_found_before_any_is_trained(towpath: Towpath, portfolio: Path):
    (portfolio / "services/sentiment/service.py").write_text("")
    done = towpath("train", "--all")

    assert done.code == 2
    assert not (portfolio / ".towpath/candidates").exists()


def test_the_code_digest_is_of_names_and_bytes(portfolio: Path, tmp_path: Path):
    before = files_digest(portfolio / "services/iris")
    shutil.copytree(portfolio / "services/iris", tmp_path / "elsewhere")

    assert files_digest(tmp_path / "elsewhere") == before
    (tmp_path / "elsewhere/service.py").rename(tmp_path / "elsewhere/services.py")
    assert files_digest(tmp_path / "elsewhere") != before
