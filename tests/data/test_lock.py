"""A lock is held by one, and given back whatever becomes of its holder."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from towpath.core.errors import Conflict
from towpath.data.lock import only_one


def test_who_waits_too_long_is_told_what_for(tmp_path: Path):
    said = pytest.raises(Conflict, match=r"somebody else is adding data for 0\.1 seconds")

    with only_one(tmp_path / "lock", "adding data"), said, only_one(tmp_path / "lock", "adding data", patience=0.1):
        pass


def test_a_lock_is_free_again_afterwards(tmp_path: Path):
    for _ in range(2):
        with only_one(tmp_path / "deep" / "lock", "adding data", patience=0):
            held = True

    assert held


@pytest.mark.integration
def test_the_lock_of_a_killed_process_is_free(tmp_path: Path):
    code = f"""
from pathlib import Path
from towpath.data.lock import only_one
with only_one(Path({str(tmp_path / "lock")!r}), "adding data"):
    print("held", flush=True)
    input()
"""
    holder = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    with pytest.raises(Conflict), only_one(tmp_path / "lock", "adding data", patience=0):
        pass
    os.kill(holder.pid, signal.SIGKILL)
    holder.communicate()

    with only_one(tmp_path / "lock", "adding data", patience=0):
        assert holder.returncode == -signal.SIGKILL
