"""Which data counts: the declared sha256 until there is a history, the version that is checked out from then on."""

from pathlib import Path

import pytest

from tests.data.months import ANA, home, month, moods, service, sha256_of, written
from towpath.core.dataset import History
from towpath.core.errors import Conflict, UsageError
from towpath.data.adding import add
from towpath.data.chosen import chosen, data_of
from towpath.declare import csv


def sha256s(data: object) -> list[str]:
    return [source.sha256 for source in data.reads.sources]  # type: ignore[attr-defined]


def test_without_a_history_the_declaration_counts():
    declared = service("1" * 64)

    assert chosen(declared, History()) is declared


def test_with_a_history_its_version_counts_and_the_rest_of_the_declaration_stays(tmp_path: Path):
    kept = home(
        tmp_path, service(sha256_of(month()), data=csv("churn.csv", sha256=sha256_of(month()), rename={"a": "b"}))
    )
    add(kept, [written(tmp_path / "june", month(130))], ANA)
    found = chosen(kept.service, kept.ledger.read())

    assert sha256s(found.data) == [sha256_of(month(130))]
    assert found.data.reads.rename == {"a": "b"}
    assert sha256s(kept.service.data) == [sha256_of(month())]


def test_a_declared_sha256_that_is_no_version_is_a_conflict_with_both_ways_out(tmp_path: Path):
    kept = home(tmp_path)
    add(kept, [written(tmp_path / "may", month())], ANA)

    with pytest.raises(Conflict, match=f"declares churn.csv with sha256 {'2' * 64}, which is no version in") as refused:
        chosen(service("2" * 64), kept.ledger.read())
    assert "towpath data add churn --from FILE" in refused.value.hint
    assert "leave the sha256 out of service.py" in refused.value.hint


def test_one_file_may_be_declared_by_another_name_later(tmp_path: Path):
    kept = home(tmp_path)
    add(kept, [written(tmp_path / "may", month())], ANA)
    renamed = service(data=csv("customers.csv"))

    assert [(one.name, one.sha256) for one in chosen(renamed, kept.ledger.read()).data.reads.sources] == [
        ("customers.csv", sha256_of(month()))
    ]


def test_files_that_a_version_does_not_have_are_named(tmp_path: Path):
    kept = home(tmp_path)
    version = add(kept, [written(tmp_path / "may", month())], ANA).version

    with pytest.raises(UsageError, match=r"version 1 of moods's data has no file reviews/bad\.txt, reviews/good\.txt"):
        data_of(moods(), version)
