"""The door: help, results and failures for people and for machines, exit codes, no traceback unless asked for."""

import json
import os
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest

from tests.cli.conftest import ROOT, Towpath, process
from towpath.cli.commands import EXIT_CODES, NOUNS, VERBS
from towpath.cli.commands import towpath as command_line
from towpath.cli.session import Noun, Session, is_fancy
from towpath.core.errors import Exit
from towpath.version import VERSION


def test_help_shows_everyday_verbs_first_then_nouns_then_exit_codes(towpath: Towpath):
    done = towpath("--help")

    assert done.code == 0
    places = [done.out.index(title) for title in ("Every day:", "And under nouns:", "Exit codes:")]
    assert places == sorted(places)
    assert all(f"\n  {name} " in done.out for name in [*VERBS, *NOUNS])


def test_no_word_at_all_is_a_question_for_help(towpath: Towpath):
    assert towpath() == towpath("--help")


def test_help_tells_every_exit_code():
    told = {int(part.split()[0]) for part in EXIT_CODES.split(", ")}

    assert told == set(Exit)


def every_command(group: click.Group, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], click.Command]]:
    context = click.Context(group)
    found = [((*path, name), group.get_command(context, name)) for name in group.list_commands(context)]
    below = [
        entry for name, command in found if isinstance(command, click.Group) for entry in every_command(command, name)
    ]
    return [*found, *below]


def test_the_help_of_every_command_has_an_example_and_a_sentence():
    commands = [(path, command) for path, command in every_command(command_line) if not isinstance(command, Noun)]

    assert len(commands) > 12
    assert [path for path, command in commands if not (command.epilog or "").startswith("Example: towpath ")] == []
    assert [path for path, command in commands if not (command.help or "").strip()] == []


def test_the_table_names_what_each_noun_offers():
    for noun, about in NOUNS.items():
        group = command_line.get_command(click.Context(command_line), noun)
        if isinstance(group, click.Group):
            told, _, _ = about.partition(":")
            named = told.removesuffix(" and more").split(", ")
            assert set(named) <= set(group.commands)
            assert told.endswith(" and more") or sorted(named) == sorted(group.commands)


def test_the_version_is_the_packages(towpath: Towpath):
    assert process("--version").stdout == f"towpath {VERSION}\n"
    assert towpath("--quiet", "--version").out == f"towpath {VERSION}\n"


@pytest.mark.integration
def test_version_and_help_are_there_within_their_limits():
    bench = runpy.run_path(str(ROOT / "bench" / "start_up.py"))
    # The fastest of a few: what else runs beside the tests can only add. CI looks at the median, with nothing beside.
    fastest = {name: min(times) for name, times in bench["measure"](7).items()}

    assert bench["LIMITS_MS"] == {"version_ms": 150.0, "help_ms": 250.0}
    assert {name: fastest[name] for name, limit in bench["LIMITS_MS"].items() if fastest[name] > limit} == {}


def loaded_by(*words: str) -> set[str]:
    """The top names of all modules that a command loads in a fresh process."""
    code = f"import sys; sys.argv = ['towpath', *{list(words)!r}]"
    after = "import atexit; atexit.register(lambda: print(*sys.modules, file=sys.stderr))"
    done = process(code=f"{code}; {after}")
    assert done.returncode == 0, done.stderr
    return set(done.stderr.split())


def test_the_version_is_told_before_click_is_loaded():
    assert "click" not in loaded_by("--version")


def test_help_loads_no_command_and_nothing_heavy():
    loaded = loaded_by("--help")

    assert "towpath.cli.commands" in loaded
    assert not {"numpy", "pandas", "sklearn", "onnxruntime", "msgspec", "rich", "towpath.cli.train"} & loaded


def test_finding_a_bundle_by_its_service_brings_no_training_library(portfolio: Path, bundles: dict[str, Path]):
    shutil.copytree(bundles["iris"], portfolio / ".towpath/bundles/iris" / bundles["iris"].name)
    loaded = loaded_by("--quiet", "verify", "iris")

    assert "onnxruntime" in loaded
    assert not {"pandas", "sklearn", "scipy", "pyarrow", "onnx", "skl2onnx"} & loaded


def test_a_misspelt_command_is_a_usage_error_that_knows_better(towpath: Towpath):
    done = towpath("trian", "iris")

    assert (done.code, done.out) == (2, "")
    assert "No such command 'trian'. Did you mean 'train'?" in done.err
    assert "try: towpath --help" in done.err


@pytest.mark.parametrize(
    "words", [["--json", "train", "--bogus"], ["train", "--bogus", "--json"], ["--bogus", "--json"]]
)
def test_a_usage_error_is_told_in_the_envelope_too(towpath: Towpath, words: list[str]):
    done = towpath(*words)

    assert (done.code, done.err) == (2, "")
    assert done.envelope["ok"] is False
    assert done.envelope["data"] is None
    assert done.envelope["error"]["code"] == "usage"
    assert "--bogus" in done.envelope["error"]["message"]
    assert done.envelope["error"]["hint"].endswith("--help")


def test_a_noun_alone_shows_its_verbs_and_is_a_usage_error(towpath: Towpath):
    done = towpath("data")

    assert (done.code, done.out) == (2, "")
    assert "pull" in done.err
    assert "verify" in done.err


@pytest.mark.parametrize(
    "words", [["--json", "candidate", "list"], ["candidate", "--json", "list"], ["candidate", "list", "--json"]]
)
def test_the_options_of_all_commands_are_taken_before_and_after_the_verb(
    towpath: Towpath, portfolio: Path, words: list[str]
):
    done = towpath(*words)

    assert done.envelope == {"format": "towpath/cli/1", "ok": True, "data": [], "error": None}


def test_the_project_can_be_named_from_elsewhere(towpath: Towpath, portfolio: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir("/")

    assert towpath("config", "show").code == 2
    assert f"project       {portfolio}" in towpath("config", "show", "--project", portfolio).out


def test_without_a_project_the_command_that_begins_one_is_named(
    towpath: Towpath, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    done = towpath("train", "iris")

    assert done.code == 2
    assert f"there is no towpath.toml in {tmp_path} or above" in done.err
    assert "towpath new" in done.err


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> None:
    """`towpath candidate list` runs into a bug of ours."""

    def fail(session: Session) -> None:
        raise KeyError("nothing here")

    monkeypatch.setattr("towpath.cli.candidate.open_here", fail)


def test_a_bug_of_ours_is_told_without_a_traceback(towpath: Towpath, broken: None):
    done = towpath("candidate", "list")

    assert (done.code, done.out) == (1, "")
    assert "something unexpected happened: KeyError: 'nothing here'" in done.err
    assert "--debug" in done.err
    assert "Traceback" not in done.err


def test_with_debug_the_traceback_is_there_and_stdout_stays_clean(towpath: Towpath, broken: None):
    done = towpath("candidate", "list", "--debug", "--json")

    assert done.code == 1
    assert "Traceback (most recent call last)" in done.err
    assert done.envelope["error"]["code"] == "unexpected"


def test_ctrl_c_ends_with_130(towpath: Towpath, monkeypatch: pytest.MonkeyPatch):
    def interrupt(session: Session) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("towpath.cli.candidate.open_here", interrupt)

    assert towpath("candidate", "list").code == 130


def test_what_the_disk_refuses_is_told_with_the_file(towpath: Towpath, portfolio: Path):
    done = towpath("deps", "check", "no/such/requirements.txt")

    assert done.code == 8
    assert "no/such/requirements.txt" in done.err


def without(*packages: str) -> str:
    """Code after which these packages are not installed."""
    return f"import sys; sys.modules.update(dict.fromkeys({packages!r}))"


def test_without_click_it_says_how_to_get_it_and_how_to_serve_without():
    done = process("--help", code=without("click"))

    assert (done.returncode, done.stdout) == (8, "")
    assert 'pip install "towpath[control]"' in done.stderr
    assert "python -m towpath.serving BUNDLE" in done.stderr


@pytest.mark.parametrize(("package", "words"), [("pandas", ["train", "iris"]), ("sklearn", ["data", "pull", "iris"])])
def test_without_the_training_libraries_it_says_how_to_get_them(portfolio: Path, package: str, words: list[str]):
    done = process(*words, code=without(package))

    assert done.returncode == 8
    assert f"this needs {package}, which is not installed" in done.stderr
    assert 'try: pip install "towpath[training]"' in done.stderr


def test_a_reader_that_goes_away_is_no_failure():
    words = f"{sys.executable} -m towpath --help; echo done with $? >&2"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    shell = subprocess.Popen(
        ["bash", "-c", f"({words}) | true"], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    )
    _, err = shell.communicate(timeout=60)

    assert err == "done with 0\n"


def test_colour_needs_a_terminal_that_does_not_refuse_it(monkeypatch: pytest.MonkeyPatch):
    class Terminal:
        def isatty(self) -> bool:
            return True

    monkeypatch.delenv("NO_COLOR", raising=False)
    assert is_fancy(Terminal())
    assert not is_fancy(open(os.devnull))  # noqa: SIM115

    monkeypatch.setenv("NO_COLOR", "1")
    assert not is_fancy(Terminal())


def test_quiet_leaves_the_result_alone(towpath: Towpath, portfolio: Path):
    done = towpath("--quiet", "data", "pull", "iris")

    assert (done.code, done.err) == (0, "")
    assert "sklearn/iris" in done.out


@pytest.mark.feature("F520")
@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["data", "list"], Exit.DONE),
        (["data", "verify"], Exit.INFRASTRUCTURE),
        (["train"], Exit.USAGE),
        (["train", "nobody"], Exit.USAGE),
        (["pack", "iris"], Exit.USAGE),
        (["serve", "iris"], Exit.INFRASTRUCTURE),
        (["verify", "no/such/bundle"], Exit.INFRASTRUCTURE),
        (["verify", "services/iris/"], Exit.REFUSED),
        (["new", "iris"], Exit.CONFLICT),
        (["new", "Iris"], Exit.USAGE),
    ],
)
def test_exit_codes_are_those_of_the_one_table(towpath: Towpath, portfolio: Path, words: list[str], code: Exit):
    assert towpath(*words).code == code
    assert json.loads(towpath("--json", *words).out)["ok"] == (code is Exit.DONE)
