"""The command line called in this process, and small projects to call it in."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.training.small import make_project
from towpath.cli.main import run
from towpath.wiring import Project

ROOT = Path(__file__).resolve().parents[2]
PORTFOLIO = ROOT / "examples" / "portfolio"


@dataclass(frozen=True)
class Done:
    """How one command ended."""

    code: int
    out: str
    err: str

    @property
    def envelope(self) -> dict[str, Any]:
        found = json.loads(self.out)
        assert found["format"] == "towpath/cli/1"
        return found

    @property
    def data(self) -> Any:
        assert self.code == 0, self.err
        return self.envelope["data"]


Towpath = Callable[..., Done]


@pytest.fixture
def towpath(capfd: pytest.CaptureFixture[str]) -> Towpath:
    """`towpath("train", "iris")` in this process."""

    def call(*words: str | Path) -> Done:
        capfd.readouterr()
        code = run([str(word) for word in words])
        told = capfd.readouterr()
        return Done(code, told.out, told.err)

    return call


@pytest.fixture
def portfolio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the reference project to work in, on a machine that has none of the real data sets."""
    for name in ("TOWPATH_DATA", "TOWPATH_SEED", "TOWPATH_PORT", "PORT"):
        monkeypatch.delenv(name, raising=False)
    folder = copy_portfolio(tmp_path / "portfolio")
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def bank(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A small project that trains in a moment, to work in."""
    for name in ("TOWPATH_DATA", "TOWPATH_SEED", "TOWPATH_TRACKING_URL", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)
    made = make_project(tmp_path / "bank")
    monkeypatch.chdir(made.root)
    return made


def copy_portfolio(folder: Path) -> Path:
    shutil.copytree(PORTFOLIO, folder, ignore=shutil.ignore_patterns("__pycache__", ".towpath"))
    return folder


def process(
    *words: str | Path, cwd: Path | None = None, env: Mapping[str, str] | None = None, code: str = ""
) -> subprocess.CompletedProcess[str]:
    """The command line as a process of its own; `code` runs before it."""
    start = ["-c", f"{code}\nfrom towpath.__main__ import main\nmain()"] if code else ["-m", "towpath"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **(env or {})}
    command = [sys.executable, *start, *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=environment, timeout=120)
