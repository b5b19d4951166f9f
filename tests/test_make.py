"""Each make target does what its line in `make help` says, in a small copy of the project."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
CLEAN = '"""One number."""\n\nONE: int = 1\n'
PASSES = '"""A test."""\n\n\ndef test_one():\n    assert 1 + 1 == 2\n'
UNTYPED = '"""One number."""\n\nONE: int = "1"\n'
UNTIDY = '"""One number."""\nONE:int = 1\n'
UNUSED = '"""One number."""\n\nimport os\n\nONE: int = 1\n'

pytestmark = pytest.mark.slow

Make = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def project(tmp_path) -> Path:
    """A project with our tools' settings, one module and one test, and an environment that needs no set-up."""
    folder = tmp_path / "project"
    shutil.copytree(ROOT / "requirements", folder / "requirements")
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, folder / name)
    write(folder / "towpath" / "__init__.py", '"""A small towpath."""\n')
    write(folder / "towpath" / "one.py", CLEAN)
    write(folder / "tests" / "test_one.py", PASSES)
    borrow_environment(folder / ".venv")
    return folder


def borrow_environment(venv: Path) -> None:
    """The environment of this very test, by links, so that nothing in it can be harmed."""
    venv.mkdir()
    for name in ("bin", "lib", "pyvenv.cfg"):
        (venv / name).symlink_to(Path(sys.prefix) / name)
    stamp_as_made(venv)


def stamp_as_made(venv: Path) -> None:
    for stamp in ("packages", "made"):
        (venv / stamp).touch()


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.fixture
def make(project) -> Make:
    # What an outer make was told must not reach this one.
    outer = ("MAKEFLAGS", "MAKEOVERRIDES", "MFLAGS", "PACKAGE", "PYTHON", "TESTS", "UPGRADE", "VENV", "VERSION")
    environment = {name: value for name, value in os.environ.items() if name not in outer}

    def run(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        command = ["make", "--no-print-directory", *words, *(f"{name}={value}" for name, value in variables.items())]
        return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)

    return run


@pytest.mark.feature("F527", "F552")
def test_help_is_what_make_says_by_default_and_names_every_target(make):
    said = make().stdout
    phony = re.search(r"\.PHONY: (.*?)\n\n", (ROOT / "Makefile").read_text(), re.DOTALL)[1].replace("\\", " ").split()

    assert make("help").stdout == said
    assert sorted(line.split()[0] for line in said.splitlines()) == sorted(phony)
    assert all(len(line.split()) > 2 for line in said.splitlines()), "each with what it does"


@pytest.mark.feature("F530")
def test_a_failing_test_fails_make_test(make, project):
    assert make("test").returncode == 0

    write(project / "tests" / "test_one.py", PASSES.replace("2", "3"))
    done = make("test")
    assert done.returncode != 0
    assert "test_one" in done.stdout


@pytest.mark.feature("F532", "F585")
@pytest.mark.parametrize("text", [UNTIDY, UNUSED], ids=["format", "unused import"])
@pytest.mark.parametrize(
    "file", ["towpath/one.py", "tests/test_one.py", "examples/portfolio/services/bankchurn/service.py"]
)
def test_lint_refuses_untidy_or_unused_code_anywhere(make, project, file, text):
    assert make("lint").returncode == 0

    write(project / file, text)
    done = make("lint")
    assert done.returncode != 0
    assert file in done.stdout


@pytest.mark.parametrize(
    "code", ["eval(ONE)", "import pickle", "import subprocess\nsubprocess.run('ls', shell=True)", "print(ONE)"]
)
def test_lint_refuses_calls_that_nobody_makes(make, project, code):
    write(project / "towpath" / "one.py", f"{CLEAN}{code}\n")

    assert make("lint").returncode != 0


@pytest.mark.feature("F533", "F559")
def test_format_mends_what_lint_refuses(make, project):
    write(project / "towpath" / "one.py", UNTIDY)
    write(project / "examples" / "service.py", UNUSED)

    assert make("format").returncode == 0
    assert make("lint").returncode == 0
    assert (project / "towpath" / "one.py").read_text() == CLEAN


@pytest.mark.feature("F534")
def test_a_wrong_or_missing_type_fails_typecheck(make, project):
    assert make("typecheck").returncode == 0

    for wrong in (UNTYPED, f"{CLEAN}\n\ndef more(n):\n    return n\n"):
        write(project / "towpath" / "one.py", wrong)
        done = make("typecheck")
        assert done.returncode != 0
        assert "towpath/one.py" in done.stdout


def test_ci_local_runs_lint_typecheck_and_test_in_this_order(make):
    done = make("ci-local")

    assert done.returncode == 0
    steps = ["All checks passed!", "Success: no issues found", "1 passed"]
    assert sorted(done.stdout.index(step) for step in steps) == [done.stdout.index(step) for step in steps]


@pytest.mark.parametrize(
    ("file", "text", "never_said"),
    [
        ("towpath/one.py", UNTIDY, "Success: no issues found"),
        ("towpath/one.py", UNTYPED, "1 passed"),
        ("tests/test_one.py", PASSES.replace("2", "3"), "1 passed"),
    ],
    ids=["lint", "typecheck", "test"],
)
def test_ci_local_stops_at_the_first_failure(make, project, file, text, never_said):
    write(project / file, text)
    done = make("ci-local")

    assert done.returncode != 0
    assert never_said not in done.stdout


@pytest.mark.feature("F546", "F577")
def test_clean_removes_what_tools_left_and_nothing_else(make, project):
    kept = {path for path in project.rglob("*") if ".venv" not in path.parts}
    for left in (
        "build/x",
        "dist/x",
        ".mypy_cache/x",
        "towpath.egg-info/x",
        "towpath/__pycache__/one.pyc",
        "reports/x",
    ):
        write(project / left, "left")

    assert make("clean").returncode == 0
    assert set(project.rglob("*")) == kept


def test_set_up_takes_python_3_11_where_it_is_and_else_a_newer_one(make, project):
    shutil.rmtree(project / ".venv")
    first = make("setup", "--dry-run").stdout.splitlines()
    python = next(line.split()[0] for line in first if "-m venv" in line)
    asked = [python, "-c", "import sys; print(sys.version_info[:2])"]
    has_3_11 = (
        subprocess.run(["python3.11", "-c", "import ensurepip"], capture_output=True, check=False).returncode == 0
    )

    version = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    assert version == "(3, 11)" if has_3_11 else version in ("(3, 12)", "(3, 13)")


def test_without_a_fitting_python_set_up_says_how_to_name_one(make, project):
    shutil.rmtree(project / ".venv")
    done = make("setup", PYTHON="")

    assert done.returncode != 0
    assert "make PYTHON=/path/to/python3.11" in done.stderr


@pytest.mark.feature("F010")
@pytest.mark.parametrize(
    "variables", [{}, {"PACKAGE": "numpy"}, {"VERSION": "2.4.7"}, {"PACKAGE": "numpy rich", "VERSION": "2.4.7"}]
)
def test_two_packages_or_none_are_not_updated_at_once(make, project, variables):
    before = (project / "requirements" / "dev.txt").read_text()
    done = make("pins-update", **variables)

    assert done.returncode != 0
    assert "one package at a time" in done.stderr
    assert (project / "requirements" / "dev.txt").read_text() == before


@pytest.mark.feature("F009")
def test_an_update_compiles_makes_a_fresh_environment_and_runs_every_test_in_it(make, project):
    os.utime(project / ".venv" / "packages", (0, 0))
    plan = make("pins-update", "--dry-run", PACKAGE="numpy", VERSION="2.4.7").stdout
    steps = [
        "--upgrade-package numpy==2.4.7",
        "-m venv --clear",
        "--require-hashes -r requirements/dev.txt",
        "-m pytest",
    ]

    assert sorted(plan.rindex(step) for step in steps) == [plan.rindex(step) for step in steps]


@pytest.mark.feature("F015")
def test_installed_packages_that_contradict_each_other_fail_the_pins_check(make, tmp_path):
    info = tmp_path / "extra" / "picky-1.0.dist-info"
    write(info / "METADATA", "Metadata-Version: 2.1\nName: picky\nVersion: 1.0\nRequires-Dist: msgspec<0.1\n")
    done = make("pins-check", f"PIP=PYTHONPATH={info.parent} .venv/bin/python -m pip")

    assert done.returncode != 0
    assert "picky 1.0 has requirement msgspec<0.1" in done.stdout


@pytest.mark.network
@pytest.mark.feature("F013")
def test_compiling_again_changes_nothing(make, project):
    assert make("pins").returncode == 0

    for file in sorted((ROOT / "requirements").rglob("*.txt")):
        assert (project / file.relative_to(ROOT)).read_text() == file.read_text()


@pytest.mark.network
def test_one_package_moves_alone_and_in_every_file(make, project):
    assert make("pins", "UPGRADE=--upgrade-package protobuf==6.33.5").returncode == 0

    changed = {file.name: changed_pins(file, project / "requirements" / file.name) for file in locks()}
    assert changed == {file.name: ["protobuf==6.33.5"] for file in locks()}


@pytest.mark.network
@pytest.mark.feature("F014")
def test_an_upgrade_moves_every_file_to_the_newest_versions(make, project):
    assert make("pins", "UPGRADE=--upgrade-package protobuf==6.33.5").returncode == 0
    stamp_as_made(project / ".venv")
    assert make("pins", "UPGRADE=--upgrade").returncode == 0

    for file in locks():
        assert "protobuf==6.33.5" not in (project / "requirements" / file.name).read_text()


@pytest.mark.network
@pytest.mark.feature("F012")
def test_outdated_packages_are_listed_and_nothing_changes(make, project):
    done = make("pins-outdated")

    # protobuf stays below 7 on purpose, so there is always one line to see.
    assert "protobuf" in done.stdout
    assert all((project / "requirements" / file.name).read_text() == file.read_text() for file in locks())


@pytest.mark.network
@pytest.mark.feature("F011")
@pytest.mark.parametrize("name", ["serving", "training", "control", "boosting", "tuning", "tracking", "dev"])
def test_each_file_resolves_without_installing(name):
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed", "--require-hashes"]
    done = subprocess.run(
        [*pip, "-r", f"requirements/{name}.txt"], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr


def locks() -> list[Path]:
    return sorted((ROOT / "requirements").glob("*.txt"))


def changed_pins(before: Path, after: Path) -> list[str]:
    old = set(before.read_text().splitlines())
    return [line.split()[0] for line in after.read_text().splitlines() if "==" in line and line not in old]
