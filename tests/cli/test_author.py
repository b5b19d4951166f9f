"""Who is at the keyboard is known from git, else by the login."""

import re
import subprocess
from pathlib import Path

import pytest

from towpath.cli.author import act, author


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A git repository, on a machine without any other git configuration."""
    for name, value in (("HOME", str(tmp_path)), ("GIT_CONFIG_NOSYSTEM", "1"), ("GIT_CONFIG_GLOBAL", "/dev/null")):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("LOGNAME", "ana7")
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    return tmp_path


def configured(clone: Path, key: str, value: str) -> None:
    subprocess.run(["git", "-C", str(clone), "config", key, value], check=True)


def test_git_knows_name_and_address(clone: Path):
    configured(clone, "user.name", "Ana Lyst")
    configured(clone, "user.email", "ana@example.com")

    assert author(clone) == "Ana Lyst <ana@example.com>"


def test_half_of_it_is_enough(clone: Path):
    configured(clone, "user.email", "ana@example.com")

    assert author(clone) == "ana@example.com"


def test_without_git_it_is_the_login(clone: Path, monkeypatch: pytest.MonkeyPatch):
    assert author(clone) == "ana7"
    monkeypatch.setenv("PATH", "")
    assert author(clone) == "ana7"


def test_an_act_has_a_time_in_utc_and_its_reason_in_one_line(clone: Path):
    found = act(clone, "  labels\nturned around ")

    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", found.at)
    assert found.why == "labels turned around"
