"""Environments, freezes and pins are compared package by package, and what nobody told is not held against anybody."""

import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from towpath.core.errors import Faulty, InfrastructureError, UsageError
from towpath.shipping.environments import (
    Environment,
    compare,
    installed_here,
    read_environment,
    read_freeze,
)

HASH = "--hash=sha256:" + "0" * 64


def apart(*environments: Environment) -> dict[str, list[str]]:
    """package -> its versions in each place, where they differ."""
    return {one.package: list(one.versions.values()) for one in compare(environments).differences}


def pinned(tmp_path: Path, *lines: str) -> Environment:
    lock = tmp_path / "lock.txt"
    lock.write_text("".join(f"{line} {HASH}\n" for line in lines))
    return read_environment(lock, "lock.txt")


def test_names_are_compared_as_registries_compare_them():
    laptop = read_freeze("Typing_Extensions==4.16.0\nnumpy==2.4.6", "laptop")
    ci = read_freeze("numpy==2.4.6\ntyping-extensions==4.16.0", "ci")

    assert compare([laptop, ci]).same == 2
    assert apart(laptop, ci) == {}


def test_a_package_that_differs_anywhere_is_shown_with_its_version_everywhere():
    laptop, ci = (read_freeze("numpy==2.4.6\nrich==15.0.0\nsame==1", name) for name in ("laptop", "ci"))
    production = read_freeze("numpy==2.4.7\nsame==1", "production")

    assert apart(laptop, ci, production) == {
        "numpy": ["2.4.6", "2.4.6", "2.4.7"],
        "rich": ["15.0.0", "15.0.0", "-"],
    }


def test_pip_comments_and_editable_installs_are_no_part_of_a_set():
    freeze = (
        "# Editable install with no version control (towpath==0.1.0)\n-e /work\n\npip==24.0\nA.b @ file:///x#y\nc==1\n"
    )

    assert apart(read_freeze(freeze, "one"), read_freeze("a-b @ file:///x\nc==1", "other")) == {}


def test_what_pip_freeze_keeps_to_itself_is_not_held_against_it(tmp_path: Path):
    pins = pinned(tmp_path, "numpy==2.4.6", "setuptools==84.2.1")

    assert apart(pins, read_freeze("numpy==2.4.6", "freeze")) == {}
    assert apart(pins, read_freeze("numpy==2.4.6\npip==24.0", "freeze --all")) == {"setuptools": ["84.2.1", "-"]}
    assert apart(pins, read_freeze("numpy==2.4.6\nsetuptools==65.5.0", "freeze")) == {
        "setuptools": ["84.2.1", "65.5.0"]
    }


def test_what_one_keeps_to_itself_is_still_compared_between_the_others(tmp_path: Path):
    quiet, old = read_freeze("a==1", "quiet"), read_freeze("a==1\nsetuptools==65.5.0", "old")

    assert apart(pinned(tmp_path, "a==1", "setuptools==84.2.1"), quiet, old) == {
        "setuptools": ["84.2.1", "not told", "65.5.0"]
    }


@pytest.mark.feature("F019")
def test_what_is_installed_is_compared_with_the_pins(tmp_path: Path):
    pins = pinned(tmp_path, "numpy==2.4.6", "rich==15.0.0", "colorama==0.4.6 ; sys_platform == 'win32'")

    assert apart(pins, read_freeze("numpy==2.4.7\ntorch==2.13.0", "here")) == {
        "numpy": ["2.4.6", "2.4.7"],
        "rich": ["15.0.0", "-"],
        "torch": ["-", "2.13.0"],
    }


def test_a_pin_for_another_system_may_be_absent_but_not_of_another_version(tmp_path: Path):
    pins = pinned(tmp_path, "numpy==2.4.6", "colorama==0.4.6 ; sys_platform == 'win32'")

    assert compare([pins, read_freeze("numpy==2.4.6", "linux")]).same == 1
    assert apart(pins, read_freeze("numpy==2.4.6\ncolorama==0.4.6", "windows")) == {}
    assert apart(pins, read_freeze("numpy==2.4.6\ncolorama==0.4.5", "here")) == {"colorama": ["- or 0.4.6", "0.4.5"]}


def test_two_versions_under_two_markers_are_both_right(tmp_path: Path):
    pins = pinned(tmp_path, "numpy==2.4.6 ; python_version < '3.12'", "numpy==2.5.5 ; python_version >= '3.12'")

    assert apart(pins, read_freeze("numpy==2.5.5", "here")) == {}
    assert apart(pins, read_freeze("numpy==2.5.5", "3.12"), read_freeze("numpy==2.4.6", "3.11")) == {
        "numpy": ["- or 2.4.6 or 2.5.5", "2.5.5", "2.4.6"]
    }


def test_only_some_packages_are_looked_at_where_that_is_asked():
    laptop, production = read_freeze("numpy==1\npytest==9\na==1", "laptop"), read_freeze("numpy==1\na==2", "production")

    found = compare([laptop, production], only=["numpy", "a"])

    assert (found.same, [one.package for one in found.differences]) == (1, ["a"])


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "names no package"),
        (b"pip==24.0\n", "names no package"),
        (b"numpy==1\nnumpy>=2\n", "line 2 of some.txt is not what pip freeze prints"),
        (b"Package Version\n------- -------\nnumpy 2.4.6\n", "line 1 of some.txt is not"),
        (b"\xff\xf0", "not UTF-8"),
        (f"# {HASH}\n".encode(), "names no package"),
    ],
)
def test_a_file_that_says_nothing_of_an_environment_is_never_the_same_as_another(
    tmp_path: Path, content: bytes, says: str
):
    (tmp_path / "some.txt").write_bytes(content)

    with pytest.raises(UsageError, match=says):
        read_environment(tmp_path / "some.txt", "some.txt")


def test_a_freeze_that_a_windows_shell_wrote_is_read(tmp_path: Path):
    (tmp_path / "freeze.txt").write_text("numpy==2.4.6\n", encoding="utf-16")

    assert apart(read_environment(tmp_path / "freeze.txt", "windows"), read_freeze("numpy==2.4.6", "linux")) == {}


def test_a_line_of_pins_that_can_move_is_named(tmp_path: Path):
    with pytest.raises(Faulty, match=r"lock\.txt:2: rich is not pinned"):
        pinned(tmp_path, "numpy==2.4.6", "rich>=15")


def test_a_file_that_is_not_there_is_an_error():
    with pytest.raises(InfrastructureError, match=r"nowhere\.txt cannot be read"):
        read_environment(Path("nowhere.txt"), "nowhere.txt")


def test_this_environment_is_what_pip_freeze_says_of_it():
    pip = [sys.executable, "-m", "pip", "freeze", "--all"]
    frozen = subprocess.run(pip, capture_output=True, text=True, check=True).stdout

    found = compare([installed_here("here"), read_freeze(frozen, "freeze")])
    assert found.differences == []
    assert found.same > 20
    assert installed_here("here").packages["numpy"] == {metadata.version("numpy")}
