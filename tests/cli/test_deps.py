"""towpath deps: every place has the same packages, or each difference is shown."""

import io
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import ROOT, Done, Towpath, process

SERVING = ROOT / "requirements" / "serving.txt"
MADE = pytest.mark.skipif(not (Path(sys.prefix) / "made").exists(), reason="not the environment that make sets up")


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with what three places have installed; production is behind."""
    monkeypatch.chdir(tmp_path)
    for name, freeze in (
        ("laptop", "numpy==2.4.6\nrich==15.0.0\n"),
        ("ci", "numpy==2.4.6\nrich==15.0.0\n"),
        ("production", "numpy==2.4.7\n"),
    ):
        (tmp_path / f"{name}.txt").write_text(freeze)
    return tmp_path


def test_places_that_are_the_same_are_told_with_the_count(towpath: Towpath, places: Path):
    done = towpath("deps", "diff", "laptop.txt", "ci.txt")

    assert (done.code, done.out) == (0, "OK 2 packages are the same in laptop.txt and ci.txt\n")


def test_every_difference_is_printed_with_the_version_in_each_place(towpath: Towpath, places: Path):
    done = towpath("deps", "diff", "laptop.txt", "ci.txt", "production.txt")

    assert done.code == 1
    assert [line.split() for line in done.out.splitlines()] == [
        ["package", "laptop.txt", "ci.txt", "production.txt"],
        ["numpy", "2.4.6", "2.4.6", "2.4.7"],
        ["rich", "15.0.0", "15.0.0", "-"],
    ]
    assert "2 packages are not the same everywhere, 0 are" in done.err
    found = towpath("--json", "deps", "diff", "ci.txt", "production.txt").envelope
    assert (found["ok"], found["data"]["differences"][0]["versions"]) == (
        False,
        {"ci.txt": "2.4.6", "production.txt": "2.4.7"},
    )


def test_what_a_pipe_brings_is_a_place_too(towpath: Towpath, places: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("numpy==2.4.7\n"))

    assert towpath("deps", "diff", "-", "production.txt").code == 0


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        ([], 2, "at least two different places are needed"),
        (["here"], 2, "at least two different places are needed"),
        (["ci.txt", "ci.txt"], 2, "at least two different places are needed"),
        (["ci.txt", "none.txt"], 8, "none.txt cannot be read"),
        (["ci.txt", "here", "--only", "none.txt"], 8, "none.txt cannot be read"),
    ],
)
def test_what_cannot_be_compared_is_told(towpath: Towpath, places: Path, words: list[str], code: int, says: str):
    done = towpath("deps", "diff", *words)

    assert done.code == code
    assert says in done.err


@MADE
@pytest.mark.feature("F006", "F019")
def test_the_environment_that_make_sets_up_is_exactly_the_pinned_one(towpath: Towpath, tmp_path: Path):
    pip = [sys.executable, "-m", "pip", "freeze", "--all"]
    (tmp_path / "frozen.txt").write_bytes(subprocess.run(pip, capture_output=True, check=True).stdout)
    done = towpath("deps", "diff", "here", tmp_path / "frozen.txt", ROOT / "requirements" / "dev.txt")

    assert done.out.startswith("OK ")
    assert done.code == 0


@MADE
@pytest.mark.network
@pytest.mark.slow
@pytest.mark.integration
@pytest.mark.scenario("S018")
@pytest.mark.feature("F006")
def test_laptop_ci_and_production_have_the_same_set_until_one_is_changed_by_hand(tmp_path: Path):
    """This environment, one that uv makes and one that pip makes, each from the pins and each asked what it has."""
    ci, production = made_by_uv(tmp_path / "ci"), made_by_pip(tmp_path / "production")
    frozen = {"ci.txt": freeze(ci), "production.txt": freeze(production)}
    for name, text in frozen.items():
        (tmp_path / name).write_text(text)

    def compared() -> Done:
        words = ("deps", "diff", "here", *frozen, "--only", SERVING)
        done = process("--quiet", *words, cwd=tmp_path)
        return Done(done.returncode, done.stdout, done.stderr)

    assert compared().out == "OK 8 packages are the same in here, ci.txt and production.txt\n"
    assert process("deps", "diff", *frozen, SERVING, cwd=tmp_path).returncode == 0, "and nothing beside the pins"

    run(production, "-m", "pip", "uninstall", "--quiet", "--yes", "httptools")
    (tmp_path / "production.txt").write_text(freeze(production))
    changed = compared()
    assert changed.code == 1
    assert [line.split()[0] for line in changed.out.splitlines()] == ["package", "httptools"]
    assert changed.out.splitlines()[1].endswith("-")


def made_by_uv(folder: Path) -> Path:
    python = folder / "bin" / "python"
    uv = ("-m", "uv")
    run(Path(sys.executable), *uv, "venv", "--quiet", "--seed", "--python", sys.executable, str(folder))
    words = ("pip", "install", "--quiet", "--require-hashes", "--python", str(python), "-r", str(SERVING))
    run(Path(sys.executable), *uv, *words)
    return python


def made_by_pip(folder: Path) -> Path:
    run(Path(sys.executable), "-m", "venv", str(folder))
    run(folder / "bin" / "python", "-m", "pip", "install", "--quiet", "--require-hashes", "-r", str(SERVING))
    return folder / "bin" / "python"


def freeze(python: Path) -> str:
    return run(python, "-m", "pip", "freeze")


def run(python: Path, *words: str) -> str:
    done = subprocess.run([str(python), *words], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout
