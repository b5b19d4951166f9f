"""towpath data: brought by sha256, listed, read again; a byte that changed is found."""

import hashlib
from pathlib import Path

import pytest

from tests.cli.conftest import Towpath


@pytest.mark.data
@pytest.mark.feature("F248", "F253")
@pytest.mark.feature("F224")
def test_real_files_are_pulled_by_their_digest(real_data: Path, towpath: Towpath, portfolio: Path):
    done = towpath("--json", "data", "pull", "bankchurn", "sentiment", "--from", real_data)

    assert [file["state"] for file in done.data] == ["pulled", "pulled", "pulled"]
    assert {file["state"] for file in towpath("--json", "data", "pull", "bankchurn").data} == {"stored"}


def test_what_cannot_be_found_is_named_with_where_it_was_looked_for(towpath: Towpath, portfolio: Path):
    done = towpath("data", "pull", "bankchurn", "sentiment")

    assert done.code == 8
    assert "Churn.csv, rt_polarity/rt-polarity.neg, rt_polarity/rt-polarity.pos not found in" in done.err
    assert str(portfolio) in done.err
    assert "--from FOLDER" in done.err


def test_the_list_says_what_is_stored(towpath: Towpath, portfolio: Path):
    before = {file["name"]: file["state"] for file in towpath("--json", "data", "list").data}
    towpath("data", "pull", "iris")
    after = {file["name"]: file["state"] for file in towpath("--json", "data", "list").data}

    assert set(before.values()) == {"missing"}
    assert [name for name in after if after[name] == "stored"] == ["sklearn/iris"]


@pytest.mark.scenario("S076")
def test_an_altered_byte_in_the_store_fails_the_pull_with_file_and_digests(towpath: Towpath, portfolio: Path):
    (file,) = towpath("--json", "data", "pull", "iris").data
    stored = portfolio / ".towpath/objects/sha256" / file["sha256"][:2] / file["sha256"][2:]
    stored.chmod(0o644)
    stored.write_bytes(stored.read_bytes()[:-1] + b"9")
    done = towpath("data", "pull", "iris")

    assert done.code == 10
    found = hashlib.sha256(stored.read_bytes()).hexdigest()
    assert f"{stored} was altered: its sha256 is {found}, not {file['sha256']}" in done.err


@pytest.mark.feature("F254")
def test_an_altered_file_is_found_by_reading_it_again(towpath: Towpath, portfolio: Path):
    (file,) = towpath("--json", "data", "pull", "iris").data
    assert towpath("--json", "data", "verify", "iris").data[0]["state"] == "verified"

    stored = portfolio / ".towpath/objects/sha256" / file["sha256"][:2] / file["sha256"][2:]
    stored.chmod(0o644)
    stored.write_bytes(stored.read_bytes()[:-1] + b"9")
    done = towpath("data", "verify", "iris")
    assert done.code == 10
    assert f"{stored} was altered" in done.err


def test_missing_files_fail_the_verification_and_are_named(towpath: Towpath, portfolio: Path):
    done = towpath("data", "verify", "bankchurn")

    assert done.code == 8
    assert "missing  Churn.csv" in done.out
    assert "not stored: Churn.csv" in done.err


def test_data_of_another_content_is_refused_with_both_digests(towpath: Towpath, portfolio: Path):
    (portfolio / "Churn.csv").write_text("a,b\n")
    done = towpath("data", "pull", "bankchurn")

    assert done.code == 10
    assert "declared is f212b3f2d0b97134069560966fa269b23ffc12df7125d7c2167dd100001fdc48" in done.err
