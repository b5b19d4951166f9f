"""Runs the console blocks of a page: every `$ ` line in one shell, in order, in a folder of its own."""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.docs.matching import differs
from tests.docs.pages import ROOT, Block

PORT = 8080  # where pages serve; a test serves on a free port and reads its output as if it were this one
HOME = "/home/ana"  # where pages work; a test works in a folder of its own and reads its output as if it were this one
LONGEST = 120  # seconds for a whole page
ENDED = "--- ended with"
COMMAND = re.compile(r"^\$ (.*\n(?:>(?: .*)?\n)*)((?:(?!\$ ).*\n)*)", re.MULTILINE)  # and the output below it


@dataclass(frozen=True)
class Step:
    """One command of a page, and the output stated for it."""

    block: Block
    command: str
    stated: str

    @property
    def in_background(self) -> bool:
        return self.command.endswith("&")

    @property
    def may_fail(self) -> bool:
        """Whether it is shown for its failure; `$ echo $?` after it shows with which code."""
        return self.block.declared == "fails"


@dataclass(frozen=True)
class Outcome:
    """What came of a command."""

    output: str
    code: int


def steps(block: Block) -> list[Step]:
    """The commands of a block; `> ` begins the further lines of one, as shells show it."""
    found = COMMAND.finditer(block.text)
    return [Step(block, re.sub(r"\n> ?", "\n", match[1].rstrip()), match[2]) for match in found]


def run(found: list[Step], folder: Path) -> list[Outcome]:
    """What each command gave, all run by one shell in the folder; whatever they started is stopped at the end."""
    port = _free_port()
    script = "\n".join([PRELUDE, *(_spoken(step, port) for step in found)])
    shell = subprocess.Popen(
        ["bash", "-c", script], cwd=folder, env=_environment(folder, port), text=True, start_new_session=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    try:
        output, _ = shell.communicate(timeout=LONGEST)
    finally:
        _stop_all(shell)
    shown = re.sub(rf"\b{port}\b", str(PORT), output).replace(str(folder), HOME)
    parts = re.split(rf"^{ENDED} (\d+)\n", shown, flags=re.MULTILINE)
    return [Outcome(said, int(code)) for said, code in zip(parts[::2], parts[1::2], strict=False)]


def faults(found: list[Step], outcomes: list[Outcome]) -> list[str]:
    """Where the page is not true: commands that failed unannounced, outputs that are other than stated."""
    told = []
    for step, outcome in zip(found, outcomes, strict=True):
        if outcome.code and not step.may_fail:
            told.append(f"{step.block}: `{step.command}` ended with {outcome.code}:\n{outcome.output}")
        elif step.stated.strip() and (difference := differs(step.stated, outcome.output)):
            told.append(f"{step.block}: `{step.command}`: {difference}\n{outcome.output}")
    return told


# The mark goes to the next line whatever the output ends with, and leaves $? as it was.
PRELUDE = f"""
mark() {{ local code=$?; printf '\\n{ENDED} %s\\n' "$code"; return "$code"; }}
"""


def _spoken(step: Step, port: int) -> str:
    command = step.command.replace(f":{PORT}", f":{port}")
    if not step.in_background:
        return f"{command}\nmark"
    lines = len(step.stated.strip().splitlines())  # when it has said what is stated, it is up
    waiting = (
        f'for i in {{1..200}}; do [ "$(wc -l < "$log")" -ge {lines} ] && break; sleep 0.1; done; head -n {lines} "$log"'
    )
    return f'log=$(mktemp); {command.removesuffix("&")} > "$log" 2>&1 &\n{waiting}\nmark'


def _environment(folder: Path, port: int) -> Mapping[str, str]:
    """As on a machine of one's own: `towpath` is ours, the real data are where they are, nothing else is set."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TOWPATH_", "PYTEST_"))}
    kept |= {name: os.environ[name] for name in ("TOWPATH_DATA",) if name in os.environ}
    path = os.pathsep.join([str(_commands(folder)), str(Path(sys.executable).parent), os.environ["PATH"]])
    return kept | {"PATH": path, "PYTHONPATH": str(ROOT), "TOWPATH_PORT": str(port), "NO_COLOR": "1", "COLUMNS": "100"}


def _commands(folder: Path) -> Path:
    """A folder with the one command that is ours, wherever this Towpath is installed or not."""
    home = folder.parent / "commands"
    home.mkdir(exist_ok=True)
    (home / "towpath").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m towpath "$@"\n')
    (home / "towpath").chmod(0o755)
    return home


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def _stop_all(shell: subprocess.Popen[str]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(shell.pid, signal.SIGKILL)
    shell.wait()


def needs(found: list[Step]) -> list[str]:
    """Which tools that are not ours the commands use and this machine does not have."""
    used = {word for step in found for word in ("curl", "jq") if re.search(rf"\b{word}\b", step.command)}
    return sorted(word for word in used if shutil.which(word) is None)
