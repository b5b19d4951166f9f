"""towpath config, deps and completion."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import ROOT, Towpath, process


def origins(towpath: Towpath, *words: str | Path) -> dict[str, tuple[object, str]]:
    shown = towpath("--json", "config", "show", *words).data
    return {setting["name"]: (setting["value"], setting["origin"]) for setting in shown}


def test_defaults_are_called_so(towpath: Towpath, portfolio: Path):
    found = origins(towpath)

    assert found["name"] == ("portfolio", "towpath.toml")
    assert found["data"] == ([], "default")
    assert found["seed"] == (42, "default")
    assert found["port"] == (8080, "default")
    assert found["data folders"] == ([str(portfolio)], "default")


@pytest.mark.feature("F043", "F605")
def test_the_environment_comes_before_defaults(towpath: Towpath, portfolio: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PORT", "5000")
    monkeypatch.setenv("TOWPATH_SEED", "7")
    monkeypatch.setenv("TOWPATH_DATA", "/somewhere")

    assert origins(towpath)["port"] == (5000, "PORT")
    assert origins(towpath)["seed"] == (7, "TOWPATH_SEED")
    assert origins(towpath)["data folders"] == (["/somewhere", str(portfolio)], "TOWPATH_DATA, default")

    monkeypatch.setenv("TOWPATH_PORT", "6000")
    assert origins(towpath)["port"] == (6000, "TOWPATH_PORT")


def test_a_flag_comes_before_all(towpath: Towpath, portfolio: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TOWPATH_PORT", "6000")
    monkeypatch.setenv("TOWPATH_SEED", "7")
    found = origins(towpath, "--port", "7000", "--seed", "9", "--host", "::1", "--from", portfolio / "services")

    assert found["port"] == (7000, "--port")
    assert found["seed"] == (9, "--seed")
    assert found["host"] == ("::1", "--host")
    assert found["data folders"] == ([str(portfolio / "services"), str(portfolio)], "--from, default")


def test_origins_are_shown_where_asked_for(towpath: Towpath, portfolio: Path):
    assert "default" not in towpath("config", "show").out
    assert "seed          42" in towpath("config", "show").out
    assert "towpath.toml" in towpath("config", "show", "--origin").out


def test_a_port_that_is_none_is_refused(towpath: Towpath, portfolio: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PORT", "eighty")

    assert towpath("config", "show").code == 2


@pytest.mark.scenario("S014")
def test_an_unpinned_requirement_is_refused_with_file_line_and_package(
    towpath: Towpath, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "api.txt").write_text("# what the API needs\nfastapi>=0.109\n")
    monkeypatch.chdir(tmp_path)
    done = towpath("deps", "check")

    assert done.code == 1
    assert done.out.startswith("requirements/api.txt:2: fastapi is not pinned")
    assert "1 line may install something else tomorrow" in done.err
    envelope = towpath("--json", "deps", "check").envelope
    assert envelope["ok"] is False
    assert envelope["data"]["faults"][0]["package"] == "fastapi"


def test_our_own_requirements_are_pinned(towpath: Towpath, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(ROOT)

    assert towpath("deps", "check").out.startswith("OK every line of 7 files")


def test_no_requirements_at_all_is_a_usage_error(towpath: Towpath, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)

    assert towpath("deps", "check").code == 2


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script_and_the_line_that_installs_it(towpath: Towpath, shell: str):
    done = towpath("completion", shell)

    assert done.code == 0
    assert "_TOWPATH_COMPLETE" in done.out
    assert f"# install: towpath completion {shell} > " in done.out


def complete(line: str, cwd: Path) -> list[str]:
    """What bash would offer for the last word of a line."""
    words = line.split(" ")
    env = {"_TOWPATH_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    return [offer.partition(",")[2] for offer in process(cwd=cwd, env=env).stdout.split()]


def test_commands_options_and_services_are_completed(portfolio: Path, tmp_path: Path):
    assert complete("towpath ve", portfolio) == ["verify"]
    assert complete("towpath data p", portfolio) == ["pull", "push"]
    assert complete("towpath train --se", portfolio) == ["--seed"]
    assert complete("towpath train s", portfolio) == ["sentiment"]
    assert complete("towpath --json pack i", portfolio) == ["iris"]
    assert complete("towpath train s", tmp_path) == []


def test_the_bash_script_is_one_that_bash_reads(towpath: Towpath):
    script = towpath("completion", "bash").out
    read = subprocess.run(["bash", "-n"], input=script, text=True, capture_output=True, env=dict(os.environ))

    assert (read.returncode, read.stderr) == (0, "")


def test_the_tracking_server_is_shown_without_its_password(
    towpath: Towpath, portfolio: Path, monkeypatch: pytest.MonkeyPatch
):
    assert origins(towpath)["tracking"] == ("none", "default")

    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://ann:secret@127.0.0.1:5000")
    assert origins(towpath)["tracking"] == ("http://127.0.0.1:5000", "MLFLOW_TRACKING_URI")

    monkeypatch.setenv("TOWPATH_TRACKING_URL", "")
    assert origins(towpath)["tracking"] == ("none", "TOWPATH_TRACKING_URL")
