"""May and June are fine, July comes in cents: found out after training, rolled back, mended, and never forgotten."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import process
from tests.cli.test_data_versions import SERVICE
from tests.data.months import content, month, sha256_of, written

MAY, JUNE, JULY = month(200), month(240), month(300)
IN_CENTS = JULY.assign(Balance=JULY["Balance"] * 100)


def say(folder: Path, *words: str) -> Any:
    """One command, as on a day of its own; returns what --json says."""
    done = process("--json", *words, cwd=folder, env={"TOWPATH_DATA": "", "TOWPATH_REMOTE": ""})
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)["data"]


@pytest.fixture
def team(tmp_path: Path) -> Path:
    root = tmp_path / "team"
    (root / "services/churn").mkdir(parents=True)
    (root / "towpath.toml").write_text('format = "towpath/project/1"\nname = "team"\n')
    (root / "services/churn/service.py").write_text(SERVICE.replace("50_000", "30_000"))
    for name, frame in (("may", MAY), ("june", JUNE), ("july", IN_CENTS), ("mended", JULY)):
        written(root / "inbox", frame, f"{name}.csv")
    return root


@pytest.mark.slow
@pytest.mark.integration
@pytest.mark.feature("F213", "F220")
@pytest.mark.scenario("S069", "S073", "S074")
def test_a_month_in_cents_is_rolled_back_and_whatever_learnt_from_it_is_flagged(team: Path):
    say(team, "data", "add", "churn", "--from", "inbox/may.csv", "--message", "May")
    (may,) = say(team, "train", "churn")

    # June comes. The model from May is behind, and a training is proposed.
    june_data = say(team, "data", "add", "churn", "--from", "inbox/june.csv", "--message", "June")
    assert (june_data["version"], june_data["next"]) == (2, "towpath train churn")
    assert june_data["stale"] == [f"{may['candidate']} was trained on data version 1, current is 2"]
    (june,) = say(team, "train", "churn")

    # July comes in cents. A rule warns, but it was declared as a warning, so the month is trained on.
    july_data = say(team, "data", "add", "churn", "--from", "inbox/july.csv", "--message", "July")
    warned = [one["rule"] for one in july_data["quality"]["results"] if one.get("verdict") == "warn"]
    assert warned == ["Q09"]
    (july,) = say(team, "train", "churn")
    assert [one["rule"] for one in july["evaluation"]["data_quality"]["results"] if one["verdict"] == "warn"] == ["Q09"]

    # Somebody looks. Back to June, byte for byte, and the model from July is flagged.
    back = say(team, "data", "rollback", "churn", "--reason", "July's balances are in cents")
    assert (back["version"], back["dropped"], back["flagged"]) == (2, 3, [july["candidate"]])
    say(team, "data", "checkout", "churn", "2", "--output", "again")
    assert (team / "again/churn.csv").read_bytes() == (team / "inbox/june.csv").read_bytes() == content(JUNE)
    listed = {one["name"]: one["stale"] for one in say(team, "candidate", "list")}
    assert "dropped by" in listed[july["candidate"]][0]
    assert "July's balances are in cents" in listed[july["candidate"]][0]
    assert listed[june["candidate"]] == []

    # It cannot be packed by accident; and trained again, the model is June's, to the bit.
    refused = process("pack", july["candidate"], cwd=team)
    assert refused.returncode == 4
    assert "data version is good" in refused.stderr
    (again,) = say(team, "train", "churn")
    assert again["bundle"] == june["bundle"] != july["bundle"]

    # July comes again, mended, as a version of its own. The history has it all.
    say(team, "data", "add", "churn", "--from", "inbox/mended.csv", "--message", "July, in euros")
    history = say(team, "data", "history", "churn")
    assert [(event["what"], event["version"]) for event in history["events"]] == [
        ("added", 1), ("added", 2), ("added", 3), ("dropped", 3), ("added", 4),
    ]  # fmt: skip
    assert history["current"] == 4
    assert [one["files"][0]["sha256"] for one in history["versions"]] == [
        sha256_of(frame) for frame in (MAY, JUNE, IN_CENTS, JULY)
    ]
    assert all(event["at"] and event["by"] for event in history["events"])
