"""How a model comes to its service: once, from wherever it is, and into files as well as over HTTP."""

import csv
import json
import os
import shutil
from pathlib import Path

import pytest

from tests.bundles import PORTFOLIO, pack_service
from tests.cli.conftest import Towpath, process, towpath
from tests.cli.test_serve import serving as serve
from tests.serving.conftest import CUSTOMER, FLOWER
from tests.serving.process import serving
from towpath.wiring import open_project

pytestmark = pytest.mark.integration
__all__ = ["towpath"]


@pytest.mark.feature("F143")
def test_the_model_is_read_once_at_the_start_and_never_for_a_request(bundles: dict[str, Path], tmp_path: Path):
    home = shutil.copytree(bundles["bankchurn"], tmp_path / "bankchurn")
    with serving(home) as worker:
        before = worker.post("/predict", CUSTOMER).json()
        shutil.rmtree(home)
        after = [worker.post("/predict", CUSTOMER).json() for _ in range(5)]
        files = [os.readlink(file) for file in Path(f"/proc/{worker.process.pid}/fd").iterdir()]

    assert {one["churn_probability"] for one in after} == {before["churn_probability"]}
    assert not any(str(home) in file for file in files), "nothing of the bundle is held open"


@pytest.mark.feature("F145")
def test_the_environment_says_where_the_model_is(
    bundles: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    home = shutil.copytree(bundles["iris"], tmp_path / "a folder of models" / "iris")
    monkeypatch.setenv("TOWPATH_BUNDLES", str(home))

    with serving(cwd=tmp_path) as worker:
        assert worker.post("/predict", FLOWER).json()["class_name"] == "setosa"
    with serve("--port", "0", cwd=tmp_path) as worker:
        assert worker.post("/predict", FLOWER).json()["class_name"] == "setosa"


@pytest.mark.feature("F145")
def test_several_models_are_separated_as_folders_in_path_are_and_an_argument_wins(
    bundles: dict[str, Path], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("TOWPATH_BUNDLES", os.pathsep.join(str(bundles[name]) for name in ("iris", "sentiment")))

    with serving() as worker:
        assert set(worker.event["bundles"]) == {"iris", "sentiment"}
    with serving(bundles["ml-api"]) as worker:
        assert set(worker.event["bundles"]) == {"ml-api"}


@pytest.mark.feature("F145")
def test_without_any_name_it_is_told_what_names_one(tmp_path: Path):
    done = process("x", code="import sys\nfrom towpath.serving.__main__ import main\nsys.exit(main([], {}))")

    assert done.returncode == 2
    assert "no bundle is named" in done.stderr and "TOWPATH_BUNDLES" in done.stderr


PLANS = '"plan": band("ultra", {"keep": 0.3, "review": 0.5, "consider": 0.7, "upgrade": 1.0}), "prediction": decide('
SURE = '"confidence": band("ultra", {"High": 0.3, "Low": 0.5, "Medium": 0.7, "high": 1.0}), "plan": band('


@pytest.mark.feature("F151")
def test_a_recommendation_in_bands_of_a_probability_is_one_line_of_the_answer(tmp_path: Path):
    shutil.copytree(PORTFOLIO, tmp_path / "project", ignore=shutil.ignore_patterns("__pycache__", ".towpath"))
    declared = tmp_path / "project" / "services" / "telecom" / "service.py"
    text = declared.read_text()
    text = text.replace("n_estimators=100", "n_estimators=10").replace("    auc,\n", "    auc,\n    band,\n")
    declared.write_text(text.replace('"prediction": decide(', PLANS).replace('"plan": band(', SURE, 1))
    plans = {(0.0, 0.3): ("High", "keep"), (0.3, 0.5): ("Low", "review"), (0.5, 0.7): ("Medium", "consider"),
             (0.7, 1.01): ("high", "upgrade")}  # fmt: skip

    seen = set()
    with serving(pack_service(open_project(tmp_path / "project", {}), "telecom")) as worker:
        for calls in range(0, 200, 20):
            for used in range(0, 50_000, 5_000):
                month = {"calls": calls, "minutes": calls * 7, "messages": 50, "mb_used": used}
                reply = worker.post("/predict", month).json()
                (told,) = [plan for (low, high), plan in plans.items() if low <= reply["probability_is_ultra"] < high]
                assert (reply["confidence"], reply["plan"]) == told
                seen.add(told)

    assert len(seen) >= 3


@pytest.mark.feature("F153")
def test_a_file_of_customers_becomes_a_file_of_decisions_without_their_probabilities(
    towpath: Towpath, bundles: dict[str, Path], tmp_path: Path
):
    customers = [CUSTOMER | {"Age": age, "NumOfProducts": 1 + age % 4} for age in range(18, 92)]
    with (tmp_path / "input.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(CUSTOMER))
        writer.writeheader()
        writer.writerows(customers)
    words = ("score", bundles["bankchurn"], tmp_path / "input.csv", tmp_path / "output.csv", "--threshold", "0.5")
    done = towpath(*words, "--only", "churn_prediction")

    assert done.code == 0, done.err
    with (tmp_path / "output.csv").open(newline="") as file:
        decided = list(csv.DictReader(file))
    assert [list(row) for row in decided] == [["churn_prediction"]] * len(customers)
    with serving(bundles["bankchurn"]) as worker:
        replies = worker.post("/predict_batch", {"customers": customers}).json()["predictions"]
    assert [int(row["churn_prediction"]) for row in decided] == [
        int(one["churn_probability"] >= 0.5) for one in replies
    ]


def test_an_answer_that_a_service_does_not_give_cannot_be_asked_for(
    towpath: Towpath, bundles: dict[str, Path], tmp_path: Path
):
    (tmp_path / "input.jsonl").write_text(json.dumps(CUSTOMER) + "\n")
    done = towpath("score", bundles["bankchurn"], tmp_path / "input.jsonl", tmp_path / "out.csv", "--only", "churn")

    assert done.code == 2
    assert "answers no 'churn'" in done.err and "churn_prediction" in done.err
    assert not (tmp_path / "out.csv").exists()
