"""Which data candidates and bundles learnt from, and how it stands in the history."""

from pathlib import Path

import pytest

from tests.core.test_dataset import THREE, happened, history
from towpath.core import formats
from towpath.core.lineage import DataLineage, Source, Split
from towpath.training.trained_on import data_standing, packed_on, trained_on


def kept(folder: Path, sha256: str) -> Path:
    """A folder with a data.json that names one file."""
    folder.mkdir(parents=True)
    split = Split("random", 0.2, 42, 80, 20, "0" * 64)
    lineage = DataLineage("real", (Source("churn.csv", 10, sha256),), 100, split, "0" * 64)
    (folder / "data.json").write_bytes(formats.canonical(lineage))
    return folder


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Candidates 2 and 10, and a bundle."""
    kept(tmp_path / "candidates/churn/10/files", "3" * 64)
    kept(tmp_path / "candidates/churn/2/files", "1" * 64)
    kept(tmp_path / "bundles/churn/5793faf16289", "3" * 64)
    return tmp_path


def test_candidates_come_oldest_first_with_the_files_they_learnt_from(project: Path):
    found = list(trained_on(project / "candidates", "churn"))

    assert found == [("churn-2", ("1" * 64,)), ("churn-10", ("3" * 64,))]


def test_bundles_say_what_they_learnt_from_too(project: Path):
    assert list(packed_on(project / "bundles", "churn")) == [("5793faf16289", ("3" * 64,))]


def test_what_cannot_be_read_is_left_out_and_hides_nothing(project: Path):
    (project / "candidates/churn/2/files/data.json").write_text("{")
    (project / "bundles/churn/5793faf16289/data.json").write_text("{")

    assert [name for name, _ in trained_on(project / "candidates", "churn")] == ["churn-10"]
    assert list(packed_on(project / "bundles", "churn")) == []


def test_a_service_without_candidates_has_none(tmp_path: Path):
    assert list(trained_on(tmp_path, "churn")) == list(packed_on(tmp_path, "churn")) == []


@pytest.mark.scenario("S074")
def test_a_candidate_of_dropped_data_is_known_by_it(project: Path):
    rolled_back = history(*THREE, happened("dropped", 3, now=2))

    assert data_standing(project / "candidates/churn/10", rolled_back).is_dropped
    assert not data_standing(project / "candidates/churn/2", rolled_back).is_dropped
