"""The history file: only added to, never half written, one writer at a time."""

import threading
from pathlib import Path

import pytest

from tests.data.months import ANA
from towpath.core.dataset import DataFile, Happened, History
from towpath.core.errors import FormatTooNew, InfrastructureError, VerificationRefused
from towpath.data import history
from towpath.data.history import FILE, Ledger


def added(version: int) -> Happened:
    return Happened(ANA.at, ANA.by, "added", version, files=(DataFile("churn.csv", 1, f"{version:064}", 1),))


def next_one(before: History) -> list[Happened]:
    return [added(before.next_number)]


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / FILE, tmp_path / "locks" / "data")


def test_a_history_that_was_never_written_is_empty(ledger: Ledger):
    assert ledger.read() == History()


def test_lines_are_added_and_those_before_stay_byte_for_byte(ledger: Ledger):
    ledger.append(next_one)
    before = ledger.path.read_bytes()
    ledger.append(next_one)

    assert ledger.path.read_bytes().startswith(before)
    assert [version.number for version in ledger.read().versions] == [1, 2]


def test_a_line_names_its_format_its_time_and_who_it_was(ledger: Ledger):
    ledger.append(next_one)

    assert ledger.path.read_text().startswith(
        '{"format":"towpath/data-history/1","at":"2026-06-01T08:00:00Z","by":"Ana <ana@example.com>","what":"added"'
    )


def test_nothing_to_add_writes_nothing(ledger: Ledger):
    ledger.append(lambda before: [])

    assert not ledger.path.exists()


def test_an_altered_line_is_named(ledger: Ledger):
    ledger.append(next_one)
    ledger.path.write_text(ledger.path.read_text().replace('"added"', '"lost"'))

    with pytest.raises(VerificationRefused, match=r"data\.history\.jsonl, line 1 cannot be read"):
        ledger.read()


def test_a_newer_history_is_refused_by_name(ledger: Ledger):
    ledger.path.write_text('{"format":"towpath/data-history/2"}\n')

    with pytest.raises(FormatTooNew, match="towpath/data-history/2"):
        ledger.read()


def test_what_contradicts_the_history_is_not_written(ledger: Ledger):
    ledger.append(next_one)
    before = ledger.path.read_bytes()

    with pytest.raises(VerificationRefused, match="version 1 is there already"):
        ledger.append(lambda _: [added(1)])
    assert ledger.path.read_bytes() == before


def test_a_full_disk_leaves_the_history_as_it_was(ledger: Ledger, monkeypatch: pytest.MonkeyPatch):
    ledger.append(next_one)
    before = ledger.path.read_bytes()

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(history.os, "fsync", full)
    with pytest.raises(InfrastructureError, match="No space left on device; it is as it was"):
        ledger.append(next_one)
    assert ledger.path.read_bytes() == before
    assert [path.name for path in ledger.path.parent.iterdir() if path.is_file()] == [FILE]


def test_many_writers_at_once_get_a_number_each(ledger: Ledger):
    writers = [threading.Thread(target=ledger.append, args=(next_one,)) for _ in range(12)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()

    assert [version.number for version in ledger.read().versions] == list(range(1, 13))
