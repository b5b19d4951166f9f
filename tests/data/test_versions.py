"""Choosing and dropping versions: byte for byte, and nothing is ever deleted."""

from pathlib import Path

import pytest

from tests.data.months import ANA, alter, home, month, sha256_of, written
from towpath.core.errors import Conflict, InfrastructureError, UsageError, VerificationRefused
from towpath.data.adding import add
from towpath.data.chosen import chosen
from towpath.data.versions import Act, DataHome, check_out, roll_back

MONTHS = [month(120), month(130), month(140)]


@pytest.fixture
def kept(tmp_path: Path) -> DataHome:
    """Three versions."""
    found = home(tmp_path)
    for number, frame in enumerate(MONTHS, start=1):
        add(found, [written(tmp_path / str(number), frame)], ANA)
    return found


def counts(kept: DataHome) -> str:
    return chosen(kept.service, kept.ledger.read()).data.reads.sources[0].sha256


@pytest.mark.feature("F249", "F250")
@pytest.mark.scenario("S073")
def test_an_earlier_version_is_checked_out_byte_for_byte(kept: DataHome, tmp_path: Path):
    check_out(kept, 1, ANA)

    assert counts(kept) == sha256_of(MONTHS[0])
    assert kept.store.get(counts(kept)) == (tmp_path / "1" / "churn.csv").read_bytes()


def test_checking_out_what_counts_already_adds_no_line(kept: DataHome):
    before = kept.ledger.path.read_bytes()
    check_out(kept, 3, ANA)

    assert kept.ledger.path.read_bytes() == before


def test_a_version_that_is_not_there_is_told_with_those_there_are(kept: DataHome):
    with pytest.raises(UsageError, match="there is no version 9 of this data; its versions are: 1, 2, 3"):
        check_out(kept, 9, ANA)


def test_a_version_whose_bytes_are_nowhere_is_not_checked_out(kept: DataHome):
    kept.store.path(sha256_of(MONTHS[0])).unlink()

    with pytest.raises(InfrastructureError, match=r"churn\.csv not found in no folder at all"):
        check_out(kept, 1, ANA)
    assert counts(kept) == sha256_of(MONTHS[2])


def test_a_version_whose_bytes_were_altered_is_not_checked_out(kept: DataHome):
    path = alter(kept.store, sha256_of(MONTHS[0]))

    with pytest.raises(VerificationRefused, match=f"{path} was altered"):
        check_out(kept, 1, ANA)
    assert counts(kept) == sha256_of(MONTHS[2])


@pytest.mark.feature("F213")
@pytest.mark.scenario("S074")
def test_rolling_back_drops_the_version_and_goes_to_the_good_one_before(kept: DataHome):
    dropped, back = roll_back(kept, Act(ANA.by, ANA.at, "cents"))

    assert (dropped.number, back.number) == (3, 2)
    assert counts(kept) == sha256_of(MONTHS[1])
    assert kept.store.has(sha256_of(MONTHS[2])), "nothing is deleted"


def test_rolling_back_again_goes_further_back(kept: DataHome):
    roll_back(kept, ANA)
    roll_back(kept, ANA)

    assert counts(kept) == sha256_of(MONTHS[0])
    with pytest.raises(Conflict, match="data is at version 1, and there is no other good one"):
        roll_back(kept, ANA)


def test_one_may_go_back_to_a_version_of_choice_but_to_no_dropped_one(kept: DataHome):
    roll_back(kept, ANA)

    with pytest.raises(Conflict, match="version 3 was dropped by Ana"):
        roll_back(kept, ANA, to=3)
    assert roll_back(kept, ANA, to=1)[1].number == 1


def test_a_dropped_version_cannot_be_checked_out(kept: DataHome):
    roll_back(kept, Act(ANA.by, ANA.at, "cents"))

    with pytest.raises(Conflict, match=r"version 3 was dropped by Ana <ana@example\.com> on 2026-06-01: cents"):
        check_out(kept, 3, ANA)


def test_without_versions_there_is_nothing_to_go_back_to(tmp_path: Path):
    with pytest.raises(Conflict, match="churn's data is at no version"):
        roll_back(home(tmp_path), ANA)
