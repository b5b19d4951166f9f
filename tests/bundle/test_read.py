"""A bundle is read whole and unchanged, or refused by the name of the file at fault."""

import os
import shutil
from pathlib import Path

import msgspec
import pytest

from towpath.bundle.read import read_bundle
from towpath.bundle.write import write_bundle
from towpath.core import formats, manifest
from towpath.core.errors import FormatTooNew, InfrastructureError, VerificationRefused


@pytest.fixture
def bundle(bundles: dict[str, Path], tmp_path: Path) -> Path:
    """A copy of the iris bundle that a test may spoil."""
    return Path(shutil.copytree(bundles["iris"], tmp_path / "bundle"))


def test_a_bundle_is_read_with_its_contract_and_named_by_its_manifest(bundle: Path):
    read = read_bundle(bundle)

    assert read.contract.service == "iris"
    assert read.id == formats.digest((bundle / "manifest.json").read_bytes())
    assert set(read.files) == set(os.listdir(bundle)) - {"manifest.json"}


@pytest.mark.scenario("S054")
def test_a_flipped_bit_in_any_file_is_refused_by_the_files_name(bundle: Path):
    for path in sorted(set(bundle.iterdir()) - {bundle / "manifest.json"}):
        whole = path.read_bytes()
        for position in sorted({0, len(whole) // 3, len(whole) // 2, len(whole) - 1}):
            path.write_bytes(whole[:position] + bytes([whole[position] ^ 0x04]) + whole[position + 1 :])
            with pytest.raises(VerificationRefused, match=f"{path.name} was changed"):
                read_bundle(bundle)
        path.write_bytes(whole)

    assert read_bundle(bundle).contract.service == "iris"


@pytest.mark.slow
def test_every_bit_of_the_manifest_counts(bundle: Path):
    path = bundle / "manifest.json"
    whole = path.read_bytes()
    for position in range(len(whole)):
        for bit in range(8):
            path.write_bytes(whole[:position] + bytes([whole[position] ^ 1 << bit]) + whole[position + 1 :])
            with pytest.raises((VerificationRefused, FormatTooNew)):
                read_bundle(bundle)


@pytest.mark.scenario("S054")
def test_a_truncated_file_is_refused_by_name_with_both_sizes(bundle: Path):
    size = (bundle / "graph.onnx").stat().st_size
    os.truncate(bundle / "graph.onnx", 100)

    with pytest.raises(VerificationRefused, match=rf"graph\.onnx has 100 bytes; its manifest says {size}"):
        read_bundle(bundle)


@pytest.mark.parametrize("name", sorted(manifest.REQUIRED))
def test_a_missing_file_is_refused_by_name(bundle: Path, name: str):
    (bundle / name).unlink()

    with pytest.raises(VerificationRefused, match=f"{name} is missing"):
        read_bundle(bundle)


def test_an_extra_file_is_refused_by_name(bundle: Path):
    (bundle / "model.pkl").write_bytes(b"\x80\x04.")

    with pytest.raises(VerificationRefused, match=r"does not list: model\.pkl"):
        read_bundle(bundle)


def test_a_manifest_cannot_list_a_file_no_bundle_has(bundle: Path):
    read = read_bundle(bundle)
    _, spoiled = write_bundle("iris", {**read.files, "model.pkl": b"\x80\x04."}, bundle.parent)

    with pytest.raises(VerificationRefused, match=r"lists model\.pkl, which no bundle has"):
        read_bundle(spoiled)


def test_a_symbolic_link_is_refused_by_name(bundle: Path, tmp_path: Path):
    (bundle / "card.md").rename(tmp_path / "card.md")
    (bundle / "card.md").symlink_to(tmp_path / "card.md")

    with pytest.raises(VerificationRefused, match=r"card\.md cannot be opened"):
        read_bundle(bundle)


def test_a_hard_link_is_refused_by_name(bundle: Path, tmp_path: Path):
    os.link(bundle / "card.md", tmp_path / "elsewhere")

    with pytest.raises(VerificationRefused, match=r"card\.md is linked"):
        read_bundle(bundle)


def test_a_pipe_in_place_of_a_file_is_refused_and_nobody_waits(bundle: Path):
    (bundle / "card.md").unlink()
    os.mkfifo(bundle / "card.md")

    with pytest.raises(VerificationRefused, match=r"card\.md is linked or not a plain file"):
        read_bundle(bundle)


def test_a_bundle_behind_a_link_is_refused(bundle: Path, tmp_path: Path):
    (tmp_path / "link").symlink_to(bundle)

    with pytest.raises(VerificationRefused, match="is not a bundle"):
        read_bundle(tmp_path / "link")


@pytest.mark.scenario("S053")
def test_a_missing_bundle_names_the_expected_path_and_the_command_that_makes_one(tmp_path: Path):
    with pytest.raises(InfrastructureError, match="there is no bundle at /") as missing:
        read_bundle(tmp_path / "nowhere")

    assert "towpath train" in missing.value.hint


def test_a_folder_without_manifest_is_no_bundle(tmp_path: Path):
    with pytest.raises(VerificationRefused, match=r"it has no manifest\.json"):
        read_bundle(tmp_path)


def test_a_bundle_of_a_newer_towpath_is_refused_by_its_format(bundle: Path):
    path = bundle / "manifest.json"
    path.write_bytes(path.read_bytes().replace(b"towpath/bundle/1", b"towpath/bundle/2"))

    with pytest.raises(FormatTooNew, match="towpath/bundle/2"):
        read_bundle(bundle)


def test_a_manifest_of_another_service_is_refused(bundle: Path):
    path = bundle / "manifest.json"
    path.write_bytes(path.read_bytes().replace(b'"service":"iris"', b'"service":"rose"'))

    with pytest.raises(VerificationRefused, match="is for rose"):
        read_bundle(bundle)


def test_writing_the_same_files_again_changes_nothing(bundle: Path):
    read = read_bundle(bundle)
    first = write_bundle("iris", read.files, bundle.parent / "out")
    again = write_bundle("iris", read.files, bundle.parent / "out")

    assert first == again
    assert os.listdir(bundle.parent / "out") == [read.id[:12]]


def test_a_full_disk_leaves_nothing_half_written(bundle: Path, tmp_path: Path):
    (tmp_path / "full").write_bytes(b"")

    with pytest.raises(InfrastructureError, match="cannot write the bundle"):
        write_bundle("iris", read_bundle(bundle).files, tmp_path / "full" / "out")


def test_the_manifest_lists_every_file_with_size_and_digest(bundle: Path):
    listed = msgspec.json.decode((bundle / "manifest.json").read_bytes(), type=manifest.Manifest)

    assert all(
        (entry.size, entry.sha256) == ((bundle / name).stat().st_size, formats.digest((bundle / name).read_bytes()))
        for name, entry in listed.files.items()
    )


@pytest.mark.parametrize(
    ("golden", "says"),
    [
        (b"", "has no rows"),
        (b'{"why":"typical","record":{},"scores":[0.5],"tolerance":1e9}\n', r"tolerates 1e\+09"),
        (b"{", "cannot be read"),
    ],
)
def test_golden_rows_that_prove_nothing_are_refused(bundle: Path, golden: bytes, says: str):
    files = {**read_bundle(bundle).files, manifest.GOLDEN: golden}
    _, spoiled = write_bundle("iris", files, bundle.parent)

    with pytest.raises(VerificationRefused, match=says):
        read_bundle(spoiled).golden()
