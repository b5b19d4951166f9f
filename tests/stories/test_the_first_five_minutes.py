"""An empty folder, one command, and there is a service that trains, passes its own tests and answers."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def day(folder: Path, *words: str) -> str:
    """Run one command in a folder as a user does; returns what it prints."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    for name in ("TOWPATH_DATA", "PYTEST_XDIST_WORKER", "PYTEST_ADDOPTS"):
        environment.pop(name, None)
    done = subprocess.run([sys.executable, "-m", *words], cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.integration
@pytest.mark.parametrize(
    ("kind", "record"),
    [
        ("tabular", {"distance_km": 250, "weight_kg": 30, "weekday": "sat", "express": 0}),
        ("text", {"text": "outage, everything is down"}),
    ],
)
def test_a_new_service_trains_packs_passes_its_own_tests_and_answers(tmp_path: Path, kind: str, record: dict):
    folder = tmp_path / "acme"
    folder.mkdir()
    day(folder, "towpath", "new", "first", "--kind", kind)

    assert "is trained" in day(folder, "towpath", "train", "first")
    assert "is packed" in day(folder, "towpath", "pack", "first")
    assert "passed" in day(folder, "pytest", "-q", "-p", "no:cacheprovider", "services/first/tests")
    assert day(folder, "towpath", "verify", "first").startswith("OK bundle:")

    (folder / "in.jsonl").write_text(json.dumps(record))
    day(folder, "towpath", "score", "first", "in.jsonl", "out.jsonl")
    answer = json.loads((folder / "out.jsonl").read_text())
    assert answer.get("late") is True or answer.get("label") == "urgent"
    assert len(answer["because"]) == 3
