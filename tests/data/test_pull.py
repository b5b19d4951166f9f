"""Data sets come in by their sha256 and by nothing else."""

import os
from pathlib import Path

import pytest

from towpath.core.errors import InfrastructureError, VerificationRefused
from towpath.core.formats import digest
from towpath.data.objects import ObjectStore
from towpath.data.pull import packaged_file, pull, require
from towpath.declare import csv, lines, packaged

CONTENT = b"Age,Exited\n40,1\n"


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return ObjectStore(tmp_path / "objects")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "churn.csv").write_bytes(CONTENT)
    return tmp_path / "data"


def test_a_file_is_pulled_once_and_then_stored(store: ObjectStore, folder: Path):
    data = csv("churn.csv", sha256=digest(CONTENT))

    assert [file.state for file in pull(data, store, [folder])] == ["pulled"]
    assert [file.state for file in pull(data, store, [])] == ["stored"]
    assert store.get(digest(CONTENT)) == CONTENT


def test_the_first_folder_that_has_the_file_counts(store: ObjectStore, folder: Path, tmp_path: Path):
    [file] = pull(csv("churn.csv", sha256=digest(CONTENT)), store, [tmp_path / "nowhere", folder])

    assert (file.state, file.size) == ("pulled", len(CONTENT))


@pytest.mark.scenario("S076")
def test_another_content_under_the_name_is_refused_with_both_digests(store: ObjectStore, folder: Path):
    data = csv("churn.csv", sha256="0" * 64)

    with pytest.raises(VerificationRefused, match=f"sha256 is {digest(CONTENT)}, declared is {'0' * 64}"):
        pull(data, store, [folder])
    assert not store.has("0" * 64)


@pytest.mark.scenario("S076")
def test_a_byte_altered_in_the_store_is_refused_with_file_and_digests(store: ObjectStore, folder: Path):
    sha256 = pull(csv("churn.csv", sha256=digest(CONTENT)), store, [folder])[0].sha256
    store.path(sha256).chmod(0o644)
    store.path(sha256).write_bytes(CONTENT.replace(b"40", b"41"))

    altered = digest(CONTENT.replace(b"40", b"41"))
    for folders in ([], [folder]):
        with pytest.raises(
            VerificationRefused, match=f"{store.path(sha256)} was altered: its sha256 is {altered}, not {sha256}"
        ):
            pull(csv("churn.csv", sha256=sha256), store, folders)


def test_a_byte_altered_in_a_stored_data_set_of_scikit_learn_is_refused_too(store: ObjectStore):
    name = packaged("iris", sha256="f13ffa8fdd56fd8e6c8d16d4081a3fbd3114bcd0aae4256c43205169cd9d1449", columns=("a",))
    sha256 = pull(name, store, [])[0].sha256
    store.path(sha256).chmod(0o644)
    store.path(sha256).write_bytes(b"150,4\n")

    with pytest.raises(VerificationRefused, match="was altered"):
        pull(name, store, [])


def test_files_that_are_nowhere_are_named_with_the_folders_and_the_command(store: ObjectStore, folder: Path):
    data = lines({"bad": ("bad.txt", "1" * 64), "good": ("good.txt", "2" * 64)})

    with pytest.raises(InfrastructureError, match=f"bad.txt, good.txt not found in {folder}") as missing:
        require(pull(data, store, [folder]), [folder])
    assert "towpath data pull --from" in missing.value.hint


def test_a_data_set_inside_scikit_learn_is_found_on_every_machine(store: ObjectStore):
    name = packaged("iris", sha256="f13ffa8fdd56fd8e6c8d16d4081a3fbd3114bcd0aae4256c43205169cd9d1449", columns=("a",))

    assert [file.state for file in pull(name, store, [])] == ["pulled"]
    assert packaged_file(name.reads).name == "iris.csv"


def test_a_store_that_cannot_be_written_says_so_and_leaves_nothing(folder: Path, tmp_path: Path):
    (tmp_path / "objects").write_bytes(b"in the way")

    with pytest.raises(InfrastructureError, match="cannot store"):
        pull(csv("churn.csv", sha256=digest(CONTENT)), ObjectStore(tmp_path / "objects"), [folder])


def test_no_half_written_file_stays_in_the_store(store: ObjectStore, folder: Path):
    pull(csv("churn.csv", sha256=digest(CONTENT)), store, [folder])
    store.put(b"other")

    assert not [name for _, _, names in os.walk(store.root) for name in names if name.startswith(".writing")]
