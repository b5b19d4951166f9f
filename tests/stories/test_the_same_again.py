"""The same data, code and seed give the same bundle, in another folder and on another day."""

from pathlib import Path

import pytest

from tests.cli.conftest import copy_portfolio, process
from towpath.bundle.read import read_bundle


def train_and_pack(folder: Path, service: str, **env: str) -> Path:
    """In a process of its own, as on another day; returns the bundle."""
    copy_portfolio(folder)
    nothing_real = {"TOWPATH_DATA": "", **env}
    trained = process("train", service, "--seed", "42", cwd=folder, env=nothing_real)
    assert trained.returncode == 0, trained.stderr
    packed = process("pack", service, "--waive", "generated rows", cwd=folder, env=nothing_real)
    assert packed.returncode == 0, packed.stderr
    (home,) = (folder / ".towpath" / "bundles" / service).iterdir()
    return home


@pytest.mark.slow
@pytest.mark.integration
@pytest.mark.scenario("S060")
@pytest.mark.parametrize("service", ["iris", "bankchurn", "sentiment"])
def test_training_twice_gives_the_same_metrics_and_the_same_bundle(tmp_path: Path, service: str):
    first = train_and_pack(tmp_path / "one", service, PYTHONHASHSEED="1", TZ="Asia/Tokyo")
    second = train_and_pack(tmp_path / "two" / "deeper", service, PYTHONHASHSEED="2", OMP_NUM_THREADS="2")

    assert read_bundle(first).evaluation() == read_bundle(second).evaluation()
    assert read_bundle(first).id == read_bundle(second).id


@pytest.mark.integration
def test_another_seed_gives_another_bundle(tmp_path: Path):
    first = train_and_pack(tmp_path / "one", "iris")
    other = process("--json", "train", "iris", "--seed", "7", cwd=tmp_path / "one")

    assert read_bundle(first).id not in other.stdout
