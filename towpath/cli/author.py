"""Who is at the keyboard, for whatever is kept with a name and a time."""

import getpass
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from towpath.data.versions import Act


def act(folder: Path, why: str | None = None) -> Act:
    """What a person does now: `Ana Lyst <ana@example.com>` as git knows them in this folder, else their login."""
    return Act(author(folder), f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}", " ".join((why or "").split()))


def author(folder: Path) -> str:
    name, mail = _git(folder, "user.name"), _git(folder, "user.email")
    if name and mail:
        return f"{name} <{mail}>"
    return name or mail or _login()


def _git(folder: Path, key: str) -> str:
    try:
        asked = ["git", "-C", str(folder), "config", "--get", key]
        return subprocess.run(asked, capture_output=True, text=True, check=False, timeout=5).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):  # no git here
        return ""


def _login() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's nameless user
        return "unknown"
