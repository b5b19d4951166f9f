"""The measurements as they are kept: by case, each with the run that it is of; a run leaves other cases alone."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

FORMAT = "towpath/race/1"


def merge(path: Path, measured: Mapping[str, Any], run: Mapping[str, Any]) -> dict[str, Any]:
    """Write these cases into the file beside those that it has already; returns all of it."""
    known = read(path)
    told = {name: {**run, "servers": servers} for name, servers in measured.items()}
    whole = {"format": FORMAT, "cases": known["cases"] | told}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(whole, indent=1) + "\n")
    return whole


def read(path: Path) -> dict[str, Any]:
    """What was measured so far; no case where nothing was, or where an older script wrote it."""
    whole = json.loads(path.read_text()) if path.exists() else {}
    return whole if whole.get("format") == FORMAT else {"format": FORMAT, "cases": {}}


def servers_of(whole: Mapping[str, Any]) -> dict[str, dict[str, list[dict[str, Any]]]]:
    """Case to server to samples."""
    return {name: case["servers"] for name, case in whole["cases"].items()}
