"""towpath train again: what is told where nothing, something or everything changed."""

import json
import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import Done, Towpath
from tests.training.small import edit, loans, make_project
from towpath.wiring import Project


def cached(done: Done) -> dict[str, bool]:
    return {stage["stage"]: stage["cached"] for stage in done.data[0]["stages"]}


@pytest.mark.scenario("S072")
def test_training_again_points_to_the_candidate_there_is(towpath: Towpath, bank: Project):
    towpath("train", "loans")
    again = towpath("train", "loans")

    assert (again.code, again.err) == (0, "loans: reading its data\n")
    assert again.out.startswith("nothing changed since loans-1: every stage is cached; --force trains anyway\n")
    assert [path.name for path in (bank.candidates / "loans").iterdir()] == ["1"]


def test_machines_are_told_which_stages_were_done_and_how_long_that_took(towpath: Towpath, bank: Project):
    first = towpath("--json", "train", "loans")
    edit(bank, 'at_least("auc", 0.6)', 'at_least("auc", 0.5)')
    second = towpath("--json", "train", "loans")

    assert cached(first) == dict.fromkeys(("prepare", "fit", "evaluate", "lay out"), False)
    assert cached(second) == {"prepare": True, "fit": True, "evaluate": False, "lay out": False}
    assert all(stage["seconds"] > 0 for stage in first.data[0]["stages"])


def test_people_are_told_what_was_cached_and_what_changed(towpath: Towpath, bank: Project):
    towpath("train", "loans")
    edit(bank, "C=1.0", "C=0.5")
    done = towpath("train", "loans")

    assert "  stages   prepare cached, fit " in done.out
    assert "  changed  the estimator changed (logisticregression__C 1.0 -> 0.5)" in done.out


def test_to_force_a_training_leaves_another_candidate_of_the_same_bundle(towpath: Towpath, bank: Project):
    (first,) = towpath("--json", "train", "loans").data
    (forced,) = towpath("--json", "train", "loans", "--force").data

    assert (forced["candidate"], forced["same_as"], forced["bundle"]) == ("loans-2", "loans-1", first["bundle"])
    assert not any(stage["cached"] for stage in forced["stages"])


@pytest.mark.scenario("S070")
def test_a_changed_feature_makes_the_candidate_stale_and_proposes_to_train(towpath: Towpath, bank: Project):
    towpath("train", "loans")
    fresh = towpath("train", "--check", "loans")
    edit(bank, 'numbers="impute"', 'numbers="scale"')
    edit(bank, "months: Annotated[int, Meta(ge=1, le=120)] | None", "months: Annotated[int, Meta(ge=1, le=240)] | None")
    stale = towpath("train", "--check", "loans")
    listed, shown = towpath("candidate", "list"), towpath("candidate", "show", "loans")

    assert (fresh.code, fresh.out) == (0, "loans-1 is what its declaration and data would give again\n")
    assert (stale.code, "try: towpath train loans" in stale.err) == (6, True)
    assert "the record changed" in stale.out
    assert "loans-1 is STALE: " in listed.out and "try: towpath train loans" in listed.out
    assert "STALE" in shown.out and "the record changed" in shown.out
    assert not (bank.candidates / "loans/2").exists()


def test_a_fresh_candidate_is_listed_without_loading_its_service(
    towpath: Towpath, bank: Project, monkeypatch: pytest.MonkeyPatch
):
    towpath("train", "loans")
    monkeypatch.setattr("towpath.wiring.load_service", None)

    (listed,) = towpath("--json", "candidate", "list").data
    assert listed["stale"] == []


def test_only_the_newest_candidate_can_be_stale(towpath: Towpath, bank: Project):
    towpath("train", "loans")
    edit(bank, "C=1.0", "C=0.5")
    towpath("train", "loans")
    edit(bank, "C=0.5", "C=0.1")

    stale = {one["name"]: bool(one["stale"]) for one in towpath("--json", "candidate", "list").data}
    assert stale == {"loans-1": False, "loans-2": True}


@pytest.mark.feature("F746", "F235", "F222")
def test_the_same_raw_file_parameters_and_seed_give_the_same_bundle_anywhere(
    towpath: Towpath, bank: Project, tmp_path: Path
):
    raw, params = tmp_path / "raw", tmp_path / "config.json"
    raw.mkdir()
    shutil.move(bank.root / "loans.csv", raw)
    params.write_text('{"logisticregression__C": 0.25}')
    words = ["--json", "train", "loans", "--seed", "42", "--from", raw, "--params", params]
    here = towpath(*words).data[0]
    elsewhere = make_project(tmp_path / "elsewhere").root
    there = towpath("--project", elsewhere, *words).data[0]
    other = towpath("--project", elsewhere, *words[:4], "7", *words[5:]).data[0]

    assert here["bundle"] == there["bundle"]
    assert here["params"] == {"logisticregression__C": 0.25}
    assert here["bundle"] != other["bundle"] or here["evaluation"] != other["evaluation"]


def test_set_parameters_are_recorded_with_the_candidate_and_make_another_model(towpath: Towpath, bank: Project):
    (declared,) = towpath("--json", "train", "loans").data
    (bank.root / "mine.json").write_text('{"logisticregression__C": 0.001}')
    (given,) = towpath("--json", "train", "loans", "--params", "mine.json").data
    record = json.loads((Path(given["path"]) / "candidate.json").read_bytes())

    lineage = json.loads((Path(given["path"]) / "files" / "data.json").read_bytes())

    assert record["params"] == lineage["params"] == {"logisticregression__C": 0.001}
    assert given["bundle"] != declared["bundle"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"logisticregression__c": 1}', "params.logisticregression__c: is no parameter of the estimator; is it"),
        ("[1]", "holds no object of parameters"),
        ("{", "is not JSON"),
    ],
)
def test_parameters_that_cannot_be_set_are_told(towpath: Towpath, bank: Project, content: str, said: str):
    (bank.root / "mine.json").write_text(content)
    done = towpath("train", "loans", "--params", "mine.json")

    assert (done.code, said in done.err) == (2, True)


def test_the_best_that_was_never_searched_names_the_command(towpath: Towpath, bank: Project):
    done = towpath("train", "loans", "--params", "best")

    assert done.code == 2
    assert "try: towpath candidate tune loans" in done.err


@pytest.mark.feature("F246")
def test_the_profile_tells_stages_and_functions(towpath: Towpath, bank: Project):
    towpath("train", "loans")
    done = towpath("train", "loans", "--profile")
    (told,) = towpath("--json", "train", "loans", "--profile").data

    assert "stages\n  prepare" in done.out
    assert "seconds  alone  calls  function" in done.out
    assert any("cross_validated_scores" in one["function"] for one in told["profile"])
    assert len(told["profile"]) == 20
    assert not any(stage["cached"] for stage in told["stages"])


def test_data_of_another_month_is_trained_from_the_start(towpath: Towpath, bank: Project, tmp_path: Path):
    towpath("train", "loans")
    other = make_project(tmp_path / "other", frame=loans(seed=3)).root
    for name in ("loans.csv", "services/loans/service.py"):
        shutil.copy(other / name, bank.root / name)
    done = towpath("--json", "train", "loans")

    assert not any(cached(done).values())
    assert any(why.startswith("the data changed: loans.csv is sha256") for why in done.data[0]["because"])
