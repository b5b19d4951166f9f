"""Adding data: checked by every rule, stored, and only then told in the history, whatever happens in between."""

from pathlib import Path

import pytest

from tests.data.months import ANA, home, month, moods, service, sha256_of, texts, written
from towpath.core.errors import Conflict, Faulty, UsageError
from towpath.data.adding import add
from towpath.data.chosen import chosen
from towpath.data.history import Ledger
from towpath.data.table import read_rows
from towpath.data.versions import Act, roll_back
from towpath.declare import at_least_rows, packaged

MAY, JUNE = month(), month(130)


def test_the_first_file_is_version_1_with_date_author_rows_and_digest(tmp_path: Path):
    kept = home(tmp_path)
    added = add(kept, [written(tmp_path / "may", MAY)], Act(ANA.by, ANA.at, "May"))

    assert added.is_new
    version = kept.ledger.read().current
    assert version.number == 1
    assert (version.added.at, version.added.by, version.added.why) == (ANA.at, ANA.by, "May")
    assert (version.rows, version.sha256s) == (120, (sha256_of(MAY),))
    assert len(version.added.digest) == 32


@pytest.mark.scenario("S069")
@pytest.mark.feature("F220")
def test_next_months_file_is_the_next_version_and_the_one_that_is_trained_on(tmp_path: Path):
    kept = home(tmp_path)
    for folder, frame in (("may", MAY), ("june", JUNE)):
        add(kept, [written(tmp_path / folder, frame)], ANA)

    assert [version.number for version in kept.ledger.read().versions] == [1, 2]
    rows = read_rows(chosen(kept.service, kept.ledger.read()), kept.store, [], seed=1)
    assert (len(rows), rows.origin) == (130, "real")


def test_declared_data_becomes_the_first_version(tmp_path: Path):
    may = written(tmp_path / "may", MAY)
    kept = home(tmp_path, service(sha256_of(MAY)), may.parent)
    add(kept, [written(tmp_path / "june", JUNE)], ANA)
    first, second = kept.ledger.read().versions

    assert (first.sha256s, first.rows, first.added.why) == ((sha256_of(MAY),), 120, "declared in service.py")
    assert second.sha256s == (sha256_of(JUNE),)
    assert kept.store.has(sha256_of(MAY))


def test_declared_data_that_is_not_at_hand_is_the_first_version_all_the_same(tmp_path: Path):
    kept = home(tmp_path, service("1" * 64), written(tmp_path / "june", JUNE).parent)
    add(kept, [tmp_path / "june/churn.csv"], ANA)

    assert [(one.number, one.rows) for one in kept.ledger.read().versions] == [(1, 0), (2, 130)]


def test_the_declared_file_itself_is_version_1_and_no_other(tmp_path: Path):
    kept = home(tmp_path, service(sha256_of(MAY)))
    add(kept, [written(tmp_path / "may", MAY)], ANA)

    assert [version.number for version in kept.ledger.read().versions] == [1]


def test_the_same_file_again_changes_nothing(tmp_path: Path):
    kept = home(tmp_path)
    may = written(tmp_path / "may", MAY)
    add(kept, [may], ANA)
    before = kept.ledger.path.read_bytes()

    assert not add(kept, [may], ANA).is_new
    assert kept.ledger.path.read_bytes() == before


def test_an_older_version_is_checked_out_and_not_added_again(tmp_path: Path):
    kept = home(tmp_path)
    may = written(tmp_path / "may", MAY)
    add(kept, [may], ANA)
    add(kept, [written(tmp_path / "june", JUNE)], ANA)

    with pytest.raises(Conflict, match="these files are version 1 of churn's data already") as refused:
        add(kept, [may], ANA)
    assert refused.value.hint == "towpath data checkout churn 1"


def test_a_dropped_version_does_not_come_back_by_adding_it(tmp_path: Path):
    kept = home(tmp_path)
    add(kept, [written(tmp_path / "may", MAY)], ANA)
    june = written(tmp_path / "june", JUNE)
    add(kept, [june], ANA)
    roll_back(kept, Act(ANA.by, ANA.at, "cents"))

    with pytest.raises(Conflict) as refused:
        add(kept, [june], ANA)
    assert "it was dropped: cents" in refused.value.hint


def test_the_same_rows_in_another_file_are_recognised(tmp_path: Path):
    kept = home(tmp_path)
    add(kept, [written(tmp_path / "may", MAY)], ANA)

    assert add(kept, [written(tmp_path / "again", MAY.sample(frac=1, random_state=3))], ANA).same_rows_as == 1


@pytest.mark.scenario("S071")
def test_data_that_breaks_a_rule_is_not_recorded(tmp_path: Path):
    kept = home(tmp_path, service(rules=[at_least_rows(125)]))

    with pytest.raises(Faulty, match="Q05 rows"):
        add(kept, [written(tmp_path / "may", MAY)], ANA)
    assert not kept.ledger.path.exists()


def test_several_files_are_one_version(tmp_path: Path):
    kept = home(tmp_path, moods())
    version = add(kept, texts(tmp_path), ANA).version

    assert [(file.name, file.rows) for file in version.files] == [("reviews/bad.txt", 60), ("reviews/good.txt", 60)]
    assert len(read_rows(chosen(kept.service, kept.ledger.read()), kept.store, [], seed=1)) == 120


def test_data_that_ships_with_a_library_has_one_version(tmp_path: Path):
    kept = home(tmp_path, service(data=packaged("iris", sha256="0" * 64, columns=("Age", "Balance"))))

    with pytest.raises(UsageError, match="iris ships with scikit-learn and has one version"):
        add(kept, [written(tmp_path / "may", MAY)], ANA)


def test_a_stop_between_the_bytes_and_the_history_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    kept = home(tmp_path)
    may, june = written(tmp_path / "may", MAY), written(tmp_path / "june", JUNE)
    add(kept, [may], ANA)
    before = kept.ledger.path.read_bytes()

    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as stop:
        stop.setattr(Ledger, "append", stopped)
        with pytest.raises(KeyboardInterrupt):
            add(kept, [june], ANA)

    assert kept.ledger.path.read_bytes() == before
    assert kept.store.verify(sha256_of(JUNE)) > 0
    assert add(kept, [june], ANA).version.number == 2
