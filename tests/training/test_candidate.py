"""Candidates are numbered, whole, and found by name."""

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import numpy as np
import pytest

from towpath.core import manifest
from towpath.core.errors import InfrastructureError, UsageError, VerificationRefused
from towpath.core.evaluation import Evaluation, ParityResult
from towpath.core.lineage import DataLineage, Split
from towpath.core.settings import Settings
from towpath.training.candidate import (
    Candidate,
    find_candidate,
    list_candidates,
    read_files,
    save_candidate,
)
from towpath.training.train import Trained

NOW = datetime(2026, 11, 21, 10, 57, tzinfo=UTC)


def trained() -> Trained:
    evaluation = Evaluation(30, (), ParityResult(1, 0.0, 1e-9, 0))
    lineage = DataLineage("real", (), 100, Split("random", 0.2, 42, 80, 20, "0" * 64), "0" * 64)
    from towpath.core import formats

    files = {manifest.EVALUATION: formats.canonical(evaluation), manifest.CARD: b"# Iris\n"}
    return Trained(files, np.arange(80), np.arange(80, 100), b"", evaluation, Settings(), lineage)


def save(root: Path, service: str = "iris") -> Candidate:
    return save_candidate(root, service, trained(), seed=42, code="c" * 64, now=NOW)


def test_candidates_are_numbered_by_service(tmp_path: Path):
    names = [save(tmp_path).name, save(tmp_path).name, save(tmp_path, "sentiment").name]

    assert names == ["iris-1", "iris-2", "sentiment-1"]
    assert [candidate.name for candidate, _ in list_candidates(tmp_path)] == names


def test_a_candidate_is_found_by_name_and_the_newest_by_service(tmp_path: Path):
    first, second = save(tmp_path), save(tmp_path)

    assert find_candidate(tmp_path, "iris-1")[0] == first
    assert find_candidate(tmp_path, "iris")[0] == second


@pytest.mark.feature("F238")
def test_a_candidate_keeps_its_files_its_split_and_the_id_its_bundle_will_have(tmp_path: Path):
    candidate, path = find_candidate(tmp_path, save(tmp_path).name)

    assert read_files(path) == trained().files
    split = msgspec.json.decode((path / "split.json").read_bytes())
    assert split == {"train": list(range(80)), "test": list(range(80, 100))}
    assert candidate.bundle == manifest.bundle_id(manifest.list_files("iris", trained().files))
    assert (candidate.trained_at, candidate.seed) == (NOW, 42)


def test_a_service_whose_name_ends_in_a_number_is_not_mistaken(tmp_path: Path):
    save(tmp_path, "model-2")

    assert find_candidate(tmp_path, "model-2")[0].name == "model-2-1"


@pytest.mark.parametrize("name", ["iris", "iris-7", "rose-1"])
def test_an_unknown_candidate_names_the_command_that_makes_one(tmp_path: Path, name: str):
    save(tmp_path, "sentiment")

    with pytest.raises(UsageError, match=f"there is no candidate {name}") as unknown:
        find_candidate(tmp_path, name)
    assert unknown.value.hint.startswith("towpath train")


def test_a_spoiled_candidate_is_refused(tmp_path: Path):
    save(tmp_path)
    (tmp_path / "iris" / "1" / "candidate.json").write_text('{"format": "towpath/candidate/1"}')

    with pytest.raises(VerificationRefused, match=r"candidate\.json cannot be read"):
        find_candidate(tmp_path, "iris")


def test_where_nothing_can_be_written_it_says_so(tmp_path: Path):
    (tmp_path / "candidates").write_bytes(b"in the way")

    with pytest.raises(InfrastructureError, match="cannot keep the candidate"):
        save(tmp_path / "candidates")
