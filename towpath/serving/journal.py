"""The worker's log: one JSON object a line on stderr, every string escaped, nothing of any client's record."""

import json
import sys
import time
import traceback
from typing import Any


def tell(event: str, **facts: Any) -> None:
    """Write one event with its facts; bytes from clients are shown as they came, undecoded."""
    line = {"time": round(time.time(), 3), "event": event, **{name: _plain(fact) for name, fact in facts.items()}}
    sys.stderr.write(escaped(line) + "\n")
    sys.stderr.flush()


def traced(error: BaseException) -> dict[str, Any]:
    """What is told of an error: its kind and where it arose; not its message, which may quote a record."""
    frames = traceback.extract_tb(error.__traceback__)
    return {"error": type(error).__name__, "at": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]}


def escaped(line: dict[str, Any]) -> str:
    """JSON in printable ASCII alone, so that no terminal and no log reader can be made to obey it."""
    return json.dumps(line, ensure_ascii=True).replace("\x7f", "\\u007f")


def _plain(fact: Any) -> Any:
    return repr(fact)[2:-1] if isinstance(fact, bytes) else fact
