"""towpath pack and verify: a gate that fails blocks; what is packed is proved; what was changed is refused by name."""

import json
import re
import shutil
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.cli.conftest import Towpath
from towpath.bundle.read import read_bundle
from towpath.bundle.write import write_bundle
from towpath.core import manifest


@pytest.fixture
def iris(towpath: Towpath, portfolio: Path) -> Path:
    """The portfolio with a trained iris."""
    assert towpath("train", "iris").code == 0
    return portfolio


def demand(portfolio: Path, gate: str) -> None:
    """Give iris another gate."""
    path = portfolio / "services/iris/service.py"
    text, count = re.subn(r"gates=\[.*\]", f"gates=[{gate}]", path.read_text())
    assert count == 1
    path.write_text("from towpath.declare import at_most\n" + text)


def test_the_newest_candidate_is_packed_and_proved(towpath: Towpath, iris: Path):
    towpath("train", "iris", "--seed", "7")
    done = towpath("pack", "iris")

    assert done.code == 0
    assert "packing iris-2" in done.err
    assert "every byte, and " in done.out
    assert "towpath serve iris" in done.out


def test_a_candidate_is_packed_by_its_name(towpath: Towpath, iris: Path):
    towpath("train", "iris", "--seed", "7")
    first = json.loads((iris / ".towpath/candidates/iris/1/candidate.json").read_bytes())
    packed = towpath("--json", "pack", "iris-1").data

    assert packed["id"] == first["bundle"]
    assert Path(packed["path"]) == iris / ".towpath/bundles/iris" / first["bundle"][:12]
    assert sum(packed["files"].values()) == packed["bytes"]


def test_packing_twice_is_as_packing_once(towpath: Towpath, iris: Path):
    assert towpath("pack", "iris") == towpath("pack", "iris")


def test_a_bundle_can_be_written_elsewhere(towpath: Towpath, iris: Path, tmp_path: Path):
    packed = towpath("--json", "pack", "iris", "--output", tmp_path / "out").data

    assert Path(packed["path"]).parent == tmp_path / "out"
    assert towpath("verify", packed["path"]).code == 0


def test_a_gate_that_fails_does_not_fail_the_training_but_blocks_the_packing(towpath: Towpath, portfolio: Path):
    demand(portfolio, 'at_most("log_loss", 0.0001), at_least("accuracy", 0.9)')
    trained = towpath("train", "iris")
    blocked = towpath("pack", "iris")

    assert trained.code == 0
    assert "fail: log_loss <= 0.0001" in trained.out
    assert blocked.code == 4
    assert "iris-1 is not packed; a gate says no:\n  fail: log_loss <= 0.0001" in blocked.err
    assert "--waive" in blocked.err
    assert not (portfolio / ".towpath/bundles").exists()
    assert towpath("--json", "pack", "iris").envelope["error"]["code"] == "blocked"


def test_a_person_can_waive_a_gate_with_a_reason_and_the_bundle_is_the_same(towpath: Towpath, portfolio: Path):
    demand(portfolio, 'at_most("log_loss", 0.0001)')
    promised = towpath("--json", "train", "iris").data[0]["bundle"]

    assert towpath("pack", "iris", "--waive", "  ").code == 4
    done = towpath("--json", "pack", "iris", "--waive", "a trial").data
    assert (done["id"], done["waived"]) == (promised, {"log_loss <= 0.0001": "a trial"})
    assert "waived" in towpath("pack", "iris", "--waive", "a trial").out


def test_a_candidate_that_was_changed_is_refused(towpath: Towpath, iris: Path):
    (iris / ".towpath/candidates/iris/1/files/card.md").write_text("better than it is")
    done = towpath("pack", "iris")

    assert done.code == 10
    assert "was changed after iris-1 was trained" in done.err


def test_a_service_without_candidate_names_the_command_that_makes_one(towpath: Towpath, portfolio: Path):
    done = towpath("pack", "iris")

    assert done.code == 2
    assert "towpath train iris" in done.err


@pytest.fixture
def bundle(bundles: dict[str, Path], tmp_path: Path) -> Path:
    """A copy of the iris bundle, to be harmed."""
    return Path(shutil.copytree(bundles["iris"], tmp_path / bundles["iris"].name))


def test_an_untouched_bundle_verifies_with_counts(towpath: Towpath, bundle: Path):
    done = towpath("verify", bundle)

    assert done.code == 0
    assert re.fullmatch(
        r"OK bundle:[0-9a-f]{12} of iris: 11 files, [0-9.]+ kB, \d+ golden rows answered as recorded\n", done.out
    )


@pytest.mark.scenario("S019")
@pytest.mark.feature("F016")
def test_a_bundle_made_by_another_scikit_learn_is_told_with_both_versions(
    towpath: Towpath, bundles: dict[str, Path], tmp_path: Path
):
    files = {**read_bundle(bundles["iris"]).files, manifest.LOCK: b"scikit-learn==1.4.0\n"}
    done = towpath("verify", write_bundle("iris", files, tmp_path)[1])

    assert done.code == 0
    assert f"warning: scikit-learn 1.4.0 made it, {version('scikit-learn')} is here" in done.err
    assert "try: towpath train iris, to retrain with what is here" in done.err


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def link(path: Path) -> None:
    """The same bytes, but in a file outside the bundle."""
    path.symlink_to(path.rename(path.parent.parent / "elsewhere"))


@pytest.mark.parametrize(
    ("harm", "named"),
    [
        (lambda bundle: flip(bundle / "graph.onnx"), "graph.onnx"),
        (lambda bundle: (bundle / "golden.jsonl").unlink(), "golden.jsonl"),
        (lambda bundle: (bundle / "notes.txt").write_text("mine"), "notes.txt"),
        (lambda bundle: link(bundle / "card.md"), "card.md"),
    ],
)
def test_a_changed_missing_extra_or_linked_file_is_refused_by_name(
    towpath: Towpath, bundle: Path, harm: Callable[[Path], object], named: str
):
    harm(bundle)
    done = towpath("verify", bundle)

    assert done.code == 10
    assert named in done.err
    assert towpath("--json", "verify", bundle).envelope["error"]["code"] == "refused"


def test_a_bundle_is_found_by_service_by_path_and_by_the_beginning_of_its_id(towpath: Towpath, iris: Path):
    packed = towpath("--json", "pack", "iris").data

    for name in ("iris", packed["path"], packed["id"], packed["id"][:6], f"bundle:{packed['id'][:12]}"):
        assert towpath("--json", "verify", name).data["id"] == packed["id"]
    assert towpath("verify", packed["id"][:12] + "0" * 52).code == 8


def test_of_a_service_the_newest_packed_candidate_counts(towpath: Towpath, iris: Path):
    first = towpath("--json", "pack", "iris").data["id"]
    towpath("train", "iris", "--seed", "7")
    assert towpath("--json", "verify", "iris").data["id"] == first

    second = towpath("--json", "pack", "iris").data["id"]
    towpath("pack", "iris-1")
    assert towpath("--json", "verify", "iris").data["id"] == second != first


def test_a_project_that_came_without_candidates_serves_its_only_bundle(towpath: Towpath, iris: Path):
    packed = towpath("--json", "pack", "iris").data["id"]
    shutil.rmtree(iris / ".towpath/candidates")

    assert towpath("--json", "verify", "iris").data["id"] == packed

    (iris / ".towpath/bundles/iris/0123456789ab").mkdir()
    assert "name one" in towpath("verify", "iris").err


def test_a_name_that_fits_nothing_is_told_with_what_there_is(towpath: Towpath, iris: Path):
    strange = towpath("verify", "rose")
    unpacked = towpath("verify", "iris")
    no_id = towpath("verify", "abcdef")

    assert (strange.code, unpacked.code, no_id.code) == (2, 8, 8)
    assert "no service of portfolio (bankchurn, carvision, iris, ml-api, ml-service, sentiment, telecom)" in strange.err
    assert f"it would be in {iris}/.towpath/bundles/iris" in unpacked.err
    assert "towpath pack iris" in unpacked.err


def test_what_is_in_a_bundle_can_be_seen(towpath: Towpath, bundles: dict[str, Path]):
    done = towpath("bundle", "inspect", bundles["bankchurn"])

    assert done.code == 0
    for part in (
        "or missing",
        "one of France Germany Spain",
        "band of churn",
        "graph.onnx",
        "auc",
        "role id",
        "threshold",
    ):
        assert part in done.out
    assert set(towpath("--json", "bundle", "inspect", bundles["iris"]).data) == {
        "id", "path", "manifest", "contract", "settings", "evaluation", "data",
    }  # fmt: skip


def test_the_model_card_can_be_read(towpath: Towpath, bundles: dict[str, Path]):
    assert (
        towpath("bundle", "inspect", bundles["iris"], "--card").out
        == (bundles["iris"] / "card.md").read_text().rstrip() + "\n"
    )


def test_a_candidate_of_another_service_that_cannot_be_read_is_in_nobodys_way(towpath: Towpath, iris: Path):
    packed = towpath("--json", "pack", "iris").data["id"]
    for file in ("candidate.json", "files/evaluation.json"):
        spoiled = iris / ".towpath/candidates/sentiment/1" / file
        spoiled.parent.mkdir(parents=True, exist_ok=True)
        spoiled.write_text("{}")

    assert towpath("--json", "verify", "iris").data["id"] == packed
    (iris / ".towpath/candidates/iris/1/files/evaluation.json").write_text("{}")
    assert towpath("--json", "verify", "iris").data["id"] == packed


def test_a_candidate_that_cannot_be_read_is_listed_as_such_beside_the_others(towpath: Towpath, iris: Path):
    towpath("train", "iris", "--seed", "7")
    (iris / ".towpath/candidates/iris/1/files/evaluation.json").write_text("{}")
    (iris / ".towpath/candidates/sentiment/4").mkdir(parents=True)
    done = towpath("candidate", "list")

    assert done.code == 0
    assert re.match(r"iris-2  .*\niris-1  CANNOT BE READ: .*evaluation.json", done.out)
    assert re.search(r"\nsentiment-4  CANNOT BE READ: cannot read .*candidate.json: No such file", done.out)
    listed = towpath("--json", "candidate", "list").data
    assert [(one["name"], "unreadable" in one) for one in listed] == [
        ("iris-2", False), ("iris-1", True), ("sentiment-4", True),
    ]  # fmt: skip


def test_candidates_are_listed_and_shown_with_what_was_measured(towpath: Towpath, iris: Path):
    assert re.match(
        r"iris-1  \d{4}-\d\d-\d\d \d\d:\d\d  real  seed 42  accuracy 1.0000", towpath("candidate", "list").out
    )
    assert "accuracy  1.0000 [0.8865, 1.0000]" in towpath("candidate", "show", "iris").out
    shown = towpath("--json", "candidate", "show", "iris-1").data
    assert (shown["name"], shown["evaluation"]["rows"]) == ("iris-1", 30)
    assert towpath("--json", "candidate", "list").data == [shown]
    assert towpath("candidate", "show", "iris-9").code == 2
