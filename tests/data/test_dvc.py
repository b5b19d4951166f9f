"""DVC's files are read and written as DVC itself does; the real dvc is asked where it is installed."""

import os
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.data.months import ANA, content, home, month, moods, sha256_of, texts, written
from towpath.core.errors import InfrastructureError, UsageError, VerificationRefused
from towpath.data.adding import add
from towpath.data.dvc import DvcRemote, find_files, md5_of, read_pointer, write_pointers
from towpath.data.versions import DataHome


def exported(kept: DataHome, folder: Path, remote: Path) -> list[Path]:
    version = kept.ledger.read().current
    assert version
    return write_pointers(version.files, kept.store, DvcRemote(remote), folder)


@pytest.fixture
def customers(tmp_path: Path) -> DataHome:
    kept = home(tmp_path / "ours")
    add(kept, [written(tmp_path / "may", month())], ANA)
    return kept


@pytest.fixture
def reviews(tmp_path: Path) -> DataHome:
    kept = home(tmp_path / "ours", moods())
    add(kept, texts(tmp_path / "texts"), ANA)
    return kept


# --- our own files read back


def test_a_file_goes_into_a_dvc_remote_and_comes_back_byte_for_byte(customers: DataHome, tmp_path: Path):
    (pointer,) = exported(customers, tmp_path, tmp_path / "remote")
    (found,) = find_files(read_pointer(pointer), DvcRemote(tmp_path / "remote"), ["churn.csv"])

    assert pointer == tmp_path / "churn.csv.dvc"
    assert found.read_bytes() == content(month())
    assert found.relative_to(tmp_path / "remote").as_posix() == f"files/md5/{md5_of(found)[:2]}/{md5_of(found)[2:]}"


def test_the_files_of_one_folder_are_one_directory(reviews: DataHome, tmp_path: Path):
    (pointer,) = exported(reviews, tmp_path, tmp_path / "remote")
    names = ["reviews/bad.txt", "reviews/good.txt"]
    found = find_files(read_pointer(pointer), DvcRemote(tmp_path / "remote"), names)

    assert pointer == tmp_path / "reviews.dvc"
    assert [path.read_bytes() for path in found] == [path.read_bytes() for path in texts(tmp_path / "texts")]


def test_a_byte_altered_in_the_remote_is_refused_with_both_md5s(customers: DataHome, tmp_path: Path):
    (pointer,) = exported(customers, tmp_path, tmp_path / "remote")
    remote = DvcRemote(tmp_path / "remote")
    path = remote.path(read_pointer(pointer).md5)
    path.chmod(0o644)
    path.write_bytes(b"x")

    with pytest.raises(VerificationRefused, match=f"{path} was altered: its md5 is {md5_of(path)}, not") as refused:
        find_files(read_pointer(pointer), remote, ["churn.csv"])

    assert "remove the file" in refused.value.hint  # dvc pushes nothing where there is a file of the name


def test_what_the_remote_does_not_have_is_named(customers: DataHome, tmp_path: Path):
    (pointer,) = exported(customers, tmp_path, tmp_path / "remote")

    with pytest.raises(InfrastructureError, match=r"has no files/md5/[0-9a-f]{2}/[0-9a-f]{30}"):
        find_files(read_pointer(pointer), DvcRemote(tmp_path / "empty"), ["churn.csv"])


def test_a_directory_without_a_declared_file_says_what_it_has(reviews: DataHome, tmp_path: Path):
    (pointer,) = exported(reviews, tmp_path, tmp_path / "remote")

    with pytest.raises(UsageError, match=r"reviews has no reviews/mixed\.txt; it has bad\.txt, good\.txt"):
        find_files(read_pointer(pointer), DvcRemote(tmp_path / "remote"), ["reviews/bad.txt", "reviews/mixed.txt"])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("outs: []", "is not a .dvc file with one output"),
        ("- a\n- b", "is not a .dvc file with one output"),
        ("outs:\n- {path: a, md5: [}", "is not a .dvc file with one output"),
        ("outs:\n- {path: a, md5: 00}\n- {path: b, md5: 11}", "is not a .dvc file with one output"),
        ("outs:\n- md5: a304afb96060aad90176268345e10355\n  path: a", "was written by DVC 2"),
        ("outs:\n- {md5: ../../etc/passwd, hash: md5, path: a}", "has md5 '../../etc/passwd'"),
        ("!!python/object/apply:os.system [echo]", "is not a .dvc file with one output"),
    ],
)
def test_anything_else_than_a_dvc_file_is_refused(tmp_path: Path, text: str, says: str):
    (tmp_path / "a.dvc").write_text(text)

    with pytest.raises(UsageError, match=says):
        read_pointer(tmp_path / "a.dvc")


# --- the real dvc


@pytest.fixture
def dvc(tool: Path, tmp_path: Path):
    """`dvc("add", "x.csv")` in a git repository of its own, with a remote folder."""
    clone = tmp_path / "clone"
    clone.mkdir()
    environment = {**os.environ, "PATH": f"{tool}{os.pathsep}{os.environ['PATH']}", "DVC_NO_ANALYTICS": "1"}
    environment |= {"HOME": str(tmp_path), "GIT_CONFIG_NOSYSTEM": "1", "DVC_SITE_CACHE_DIR": str(tmp_path / "site")}

    def run(*words: str, program: str = "dvc") -> str:
        done = subprocess.run([program, *words], cwd=clone, env=environment, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    (tmp_path / "remote").mkdir()
    run("init", "--quiet", program="git")
    run("init", "--quiet")
    run("remote", "add", "--quiet", "--default", "shared", str(tmp_path / "remote"))
    return run


@pytest.mark.slow
@pytest.mark.integration
@pytest.mark.tool("dvc")
def test_dvc_pulls_what_we_wrote_and_finds_nothing_to_say(dvc, customers: DataHome, tmp_path: Path):
    exported(customers, tmp_path / "clone", tmp_path / "remote")
    dvc("pull")

    assert (tmp_path / "clone/churn.csv").read_bytes() == content(month())
    assert "up to date" in dvc("status")
    assert "in sync" in dvc("status", "--cloud")


@pytest.mark.slow
@pytest.mark.integration
@pytest.mark.tool("dvc")
def test_dvc_pulls_a_directory_that_we_wrote_and_would_have_written_the_same(dvc, reviews: DataHome, tmp_path: Path):
    (pointer,) = exported(reviews, tmp_path / "clone", tmp_path / "remote")
    ours = yaml.safe_load(pointer.read_text())
    dvc("pull")
    pulled = [(tmp_path / "clone/reviews" / name).read_bytes() for name in ("bad.txt", "good.txt")]
    dvc("add", "--quiet", "reviews")

    assert pulled == [path.read_bytes() for path in texts(tmp_path / "texts")]
    assert yaml.safe_load(pointer.read_text()) == ours
    assert "up to date" in dvc("status")


@pytest.mark.slow
@pytest.mark.integration
@pytest.mark.tool("dvc")
def test_we_read_what_dvc_added_and_pushed_files_and_directories(dvc, tmp_path: Path):
    written(tmp_path / "clone", month())
    texts(tmp_path / "clone")
    dvc("add", "--quiet", "churn.csv", "reviews")
    dvc("push", "--quiet")
    remote = DvcRemote(tmp_path / "remote")

    (customers,) = find_files(read_pointer(tmp_path / "clone/churn.csv.dvc"), remote, ["churn.csv"])
    names = ["reviews/bad.txt", "reviews/good.txt"]
    reviews = find_files(read_pointer(tmp_path / "clone/reviews.dvc"), remote, names)

    assert customers.read_bytes() == (tmp_path / "clone/churn.csv").read_bytes()
    assert [path.read_bytes() for path in reviews] == [(tmp_path / "clone" / name).read_bytes() for name in names]
    assert add(home(tmp_path / "ours"), [customers], ANA).version.sha256s == (sha256_of(month()),)


@pytest.mark.slow
@pytest.mark.integration
@pytest.mark.tool("dvc")
def test_dvc_checks_out_an_earlier_version_that_we_wrote(dvc, customers: DataHome, tmp_path: Path):
    (pointer,) = exported(customers, tmp_path / "clone", tmp_path / "remote")
    may = pointer.read_text()
    add(customers, [written(tmp_path / "june", month(130))], ANA)
    exported(customers, tmp_path / "clone", tmp_path / "remote")
    dvc("pull")
    june = (tmp_path / "clone/churn.csv").read_bytes()
    pointer.write_text(may)
    dvc("fetch")
    dvc("checkout")

    assert june == content(month(130))
    assert (tmp_path / "clone/churn.csv").read_bytes() == content(month())
