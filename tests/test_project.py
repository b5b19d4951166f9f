"""What the project promises about itself: its pins, its package, what git keeps out, and how its tests behave in CI."""

import os
import random
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path

import numpy
import pytest

from towpath.version import VERSION

ROOT = Path(__file__).resolve().parent.parent
COMPILED = (".c", ".so")  # a wheel has what its own build made of the sources
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
# Each written in two halves, because no file may name one, this one included.
HOSTS = [
    "pypi" + ".org", "python" + "hosted.org", "registry.npm" + "js.org", "deb.deb" + "ian.org",
    "security.deb" + "ian.org", "snapshot.deb" + "ian.org", "/opt" + "/pypi",
]  # fmt: skip


def finish(*words: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """A command that has run to its end with these variables on top of the environment."""
    environment = os.environ | variables
    return subprocess.run(words, cwd=cwd, env=environment, capture_output=True, text=True, check=False)


def test_no_file_names_a_package_index():
    listed = finish("git", "ls-files", "--cached", "--others", "--exclude-standard", cwd=ROOT)
    files = listed.stdout.splitlines()
    texts = {name: (ROOT / name).read_bytes().decode(errors="replace") for name in files if (ROOT / name).is_file()}

    assert "requirements/dev.txt" in texts
    assert [(name, host) for name, text in texts.items() for host in HOSTS if host in text] == []


def test_the_pins_name_no_address_and_no_option():
    for file in (ROOT / "requirements").glob("*.txt"):
        lines = file.read_text().splitlines()
        assert [line for line in lines if "://" in line or line.startswith("-")] == [], file.name


def test_every_extra_has_its_file_of_pins_and_dev_holds_them_all():
    extras = set(PROJECT["tool"]["setuptools"]["dynamic"]["optional-dependencies"])
    pinned = {file.stem: set(re.findall(r"^\S+==\S+", file.read_text(), re.MULTILINE))
              for file in (ROOT / "requirements").glob("*.txt")}  # fmt: skip

    assert set(pinned) == extras | {"serving"}
    assert all(pinned["serving"] <= lines <= pinned["dev"] for lines in pinned.values())


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> zipfile.ZipFile:
    """The wheel as pip builds it, without asking any registry."""
    if int(metadata.version("setuptools").partition(".")[0]) < 77:
        pytest.skip("this environment has another setuptools than the pinned one")
    folder = tmp_path_factory.mktemp("wheel")
    for name in ("towpath", "requirements"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "LICENSE", "README.md"):
        if (ROOT / name).exists():
            shutil.copy(ROOT / name, folder)
    words = ["wheel", "--quiet", "--no-deps", "--no-index", "--no-build-isolation", "."]
    done = finish(sys.executable, "-m", "pip", *words, cwd=folder)
    assert done.returncode == 0, done.stderr
    return zipfile.ZipFile(next(folder.glob("*.whl")))


@pytest.mark.slow
def test_the_wheel_holds_every_file_of_the_package(wheel):
    kept = {path.relative_to(ROOT).as_posix() for path in (ROOT / "towpath").rglob("*") if path.is_file()}
    wanted = {name for name in kept if "__pycache__" not in name and not name.endswith(COMPILED)}

    assert wanted - set(wheel.namelist()) == set()
    assert [name for name in wheel.namelist() if name.endswith(".so")], "what was compiled of the rest"


def test_the_wheel_says_the_version_the_licence_and_what_it_needs(wheel):
    said = wheel.read(f"towpath-{VERSION}.dist-info/METADATA").decode()

    assert f"\nVersion: {VERSION}\n" in said
    assert "\nLicense-Expression: Apache-2.0\n" in said
    assert set(re.findall(r"^Requires-Python: (.*)", said, re.MULTILINE)[0].split(",")) == {">=3.11", "<3.14"}
    base = re.findall(r"^Requires-Dist: ([\w-]+)(?![^\n]*extra ==)", said, re.MULTILINE)
    assert sorted(base) == ["httptools", "msgspec", "numpy", "onnxruntime", "uvloop"]


@pytest.mark.feature("F005")
@pytest.mark.parametrize("reason", ["reproducibility", "stability", "supply-chain security", "auditability"])
def test_the_contributors_guide_says_why_we_pin(reason):
    assert reason in (ROOT / "CONTRIBUTING.md").read_text().lower()


@pytest.mark.parametrize("file", ["CONTRIBUTING.md", ".ci/run"])
def test_only_targets_that_exist_are_named(file):
    named = set(re.findall(r"\bmake ([a-z-]+)", (ROOT / file).read_text()))
    targets = set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))

    assert {"test", "demo", "pins-check"} <= named
    assert named - targets == set()


@pytest.fixture
def ci(tmp_path):
    """What `.ci/run` says in a copy of the project, on a machine that has nothing but these commands."""
    home = tmp_path / "machine"
    (home / "bin").mkdir(parents=True)
    project = tmp_path / "project"
    shutil.copytree(ROOT / ".ci", project / ".ci")
    shutil.copytree(ROOT / "requirements", project / "requirements")
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, project)

    def run(**commands: str | None) -> subprocess.CompletedProcess[str]:
        needed = {name: shutil.which(name) for name in ("bash", "dirname", "make", "mkdir")}
        for name, real in (needed | commands).items():
            if real:
                (home / "bin" / name.replace("_", ".")).symlink_to(real)
        return finish("bash", ".ci/run", cwd=project, HOME=str(home), PATH=str(home / "bin"))

    return run


def find_python(version: str) -> str | None:
    """A Python that runs, by its number and without the shim that may stand before it."""
    for path in (shutil.which(f"python{version}"), *Path.home().glob(f".pyenv/versions/{version}.*/bin/python")):
        done = (
            finish(str(path), "-c", "import os, sys; print(os.path.realpath(sys.executable))", cwd=ROOT)
            if path
            else None
        )
        if done and done.returncode == 0:
            return done.stdout.strip()
    return None


@pytest.mark.feature("F018")
def test_ci_does_nothing_on_a_machine_without_python_3_11(ci):
    done = ci(python3_12=find_python("3.12"), python3_11=shutil.which("false"))

    assert done.returncode == 1
    assert "CI needs Python 3.11" in done.stderr
    assert done.stdout == ""


@pytest.mark.feature("F018")
def test_ci_refuses_an_environment_that_another_python_made(ci, tmp_path):
    other = find_python("3.12") or find_python("3.13")
    if other is None:
        pytest.skip("no other Python is on this machine")
    (tmp_path / "project" / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / "project" / ".venv" / "bin" / "python").symlink_to(other)
    for stamp in ("packages", "made"):
        (tmp_path / "project" / ".venv" / stamp).touch()
    done = ci(python3_11=find_python("3.11"))

    assert done.returncode == 1
    assert re.search(r"\.venv has Python 3\.1[23]\S*, CI needs Python 3\.11", done.stderr)


def test_ci_checks_every_limit_that_a_benchmark_can_check():
    """Except of one that says itself that it needs a quiet machine, which CI's seldom is."""
    scripts = {path.name: path.read_text() for path in (ROOT / "bench").glob("*.py")}
    checking = [name for name, text in scripts.items() if '"--check"' in text and "a quiet machine" not in text]
    steps = (ROOT / ".ci" / "run").read_text()

    assert {"score_memory.py", "start_up.py"} <= set(checking)
    assert [name for name in checking if not re.search(rf"^step .*bench/{name}\b.*--check", steps, re.MULTILINE)] == []


@pytest.mark.feature("F054")
@pytest.mark.parametrize(
    "path", [".env", "server.pem", "signing.key", ".towpath/tokens", "a/.towpath/store.db", ".venv/x", "towpath/x.pyc",
             "x/__pycache__/y", "dist/x.whl", "towpath.egg-info/x"]
)  # fmt: skip
def test_secrets_and_leftovers_cannot_be_added_by_accident(path):
    assert finish("git", "check-ignore", path, cwd=ROOT).stdout == f"{path}\n"


@pytest.mark.slow
@pytest.mark.feature("F525")
@pytest.mark.parametrize(("variables", "chosen"), [({}, 42), ({"SEED": "7"}, 7), ({"TEST_SEED": "5", "SEED": "7"}, 5)])
def test_every_test_draws_from_test_seed_then_seed_then_42(run_tests, variables, chosen):
    random.seed(chosen)
    numpy.random.seed(chosen)
    drawn = random.random(), float(numpy.random.random())
    test = (
        "import random, numpy\ndef test_it(seed):\n"
        f"    assert (seed, random.random(), numpy.random.random()) == ({chosen}, *{drawn})\n"
    )

    assert "2 passed" in run_tests(test + test.replace("test_it", "test_again"), **variables)


@pytest.mark.slow
@pytest.mark.feature("F526")
def test_slow_tests_and_those_with_data_can_be_left_out_and_no_marker_is_made_up(run_tests):
    marked = "import pytest\n@pytest.mark.{0}\ndef test_{0}():\n    assert 1\n"
    tests = "".join(marked.format(name) for name in ("slow", "integration", "data"))

    assert "3 passed" in run_tests(tests)
    assert "2 passed, 1 deselected" in run_tests(tests, "-m", "not slow")
    assert "'slwo' not found in `markers`" in run_tests(marked.format("slwo"))


SKIPS = """
import pytest
def test_one(real_data):
    assert real_data
@pytest.mark.data
def test_two():
    pytest.skip("no rows")
@pytest.mark.network
def test_three():
    assert 1
@pytest.mark.skipif(True, reason="another system")
def test_four():
    assert 1
"""


@pytest.mark.slow
def test_without_data_or_network_tests_are_skipped_at_home_and_fail_in_ci(run_tests):
    assert "4 skipped" in run_tests(SKIPS)
    assert "1 failed, 1 passed, 1 skipped, 1 error" in run_tests(SKIPS, TOWPATH_CI="1")


def test_with_the_data_at_hand_nothing_is_missed(run_tests, tmp_path):
    only_data = SKIPS.partition("@pytest.mark.data")[0]

    assert "1 passed" in run_tests(only_data, TOWPATH_CI="1", TOWPATH_DATA=str(tmp_path))


@pytest.fixture
def run_tests(tmp_path):
    """What pytest says of this test file under our settings and our conftest, in an environment of these variables."""

    def run(test: str, *words: str, **variables: str) -> str:
        folder = tmp_path / "tests"
        folder.mkdir(exist_ok=True)
        shutil.copy(ROOT / "tests" / "conftest.py", folder)
        shutil.copy(ROOT / "pyproject.toml", tmp_path)
        (folder / "test_it.py").write_text(test)
        bare = dict.fromkeys(
            ("TOWPATH_CI", "TOWPATH_DATA", "TOWPATH_NETWORK", "PYTEST_ADDOPTS", "SEED", "TEST_SEED"), ""
        )
        pytest_words = ["-m", "pytest", "-p", "no:cacheprovider", *words]
        return finish(sys.executable, *pytest_words, cwd=tmp_path, **bare | variables).stdout

    return run
