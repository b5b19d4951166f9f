"""The answers in a folder of prediction log segments: the newest of those asked for, and the sums over all of them."""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from towpath.core.errors import InfrastructureError
from towpath.core.log import SEGMENT, Block, read_segment, torn_bytes


@dataclass(frozen=True)
class Wanted:
    """Which answers are asked for; `since` in seconds since 1970."""

    service: str = ""
    request: str = ""
    since: float = 0.0

    def has(self, block: Block) -> bool:
        """Whether any of a block's answers may be among them."""
        late = max(block.times, default=0.0) >= self.since
        return late and self.service in ("", block.service) and (not self.request or self.request in block.requests)


@dataclass
class Sums:
    """What all answers asked for come to; a shadow's are counted by themselves, since nobody got them."""

    answers: int = 0
    requests: int = 0
    shadows: int = 0
    first: float = 0.0
    last: float = 0.0
    decisions: dict[str, dict[str, int]] = field(default_factory=dict)
    """By service and release, `iris bundle:58c7fe0d892e`: how often each class was decided on, `value` for a number."""
    files: int = 0
    torn: dict[str, int] = field(default_factory=dict)
    """By file, the bytes at its end that are no whole block: a worker died, or is writing just now."""

    def add(self, row: dict[str, Any], position: int) -> None:
        self.answers += 1
        self.requests += position == 0 and not row["shadow"]
        self.shadows += row["shadow"]
        self.first = min(self.first or row["time"], row["time"])
        self.last = max(self.last, row["time"])
        by = f"{row['service']} {row['revision'] or row['release']}" + (" (shadow)" if row["shadow"] else "")
        decided = self.decisions.setdefault(by, {})
        decision = row["decision"] or "value"
        decided[decision] = decided.get(decision, 0) + 1


def read_answers(folder: Path, wanted: Wanted, limit: int) -> tuple[list[dict[str, Any]], Sums]:
    """The newest answers, eldest first, and the sums. Raises InfrastructureError, FormatTooNew, VerificationRefused.

    One segment is in memory at a time, so a log may be larger than that.
    """
    sums = Sums()
    newest: list[tuple[float, int, dict[str, Any]]] = []
    for count, row in enumerate(_rows(folder, wanted, sums)):
        entry = (row["time"], count, row)
        if limit and len(newest) >= limit:
            heapq.heappushpop(newest, entry)
        else:
            heapq.heappush(newest, entry)
    return [row for *_, row in sorted(newest)], sums


def segments(folder: Path) -> list[Path]:
    """The log's files in a folder and those below it, one for each environment, say."""
    return sorted(path for path in folder.rglob("*.log") if SEGMENT.fullmatch(path.name))


def _rows(folder: Path, wanted: Wanted, sums: Sums) -> Iterator[dict[str, Any]]:
    for path in segments(folder):
        content = _content(path)
        sums.files += 1
        if torn := torn_bytes(content):
            sums.torn[str(path)] = torn
        for block in read_segment(content):
            if wanted.has(block):
                yield from _rows_of(block, wanted, sums)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:  # dropped by a worker meanwhile, since the log is as large as it may be
        return b""
    except OSError as error:
        raise InfrastructureError(
            f"{path} cannot be read: {error.strerror}", hint="only the user that the worker runs as may read its log"
        ) from error


def _rows_of(block: Block, wanted: Wanted, sums: Sums) -> Iterator[dict[str, Any]]:
    for i, (request, seconds) in enumerate(zip(block.requests, block.times, strict=True)):
        if seconds < wanted.since or wanted.request not in ("", request):
            continue
        row = {
            "time": seconds,
            "at": datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "request": request,
            "position": block.positions[i],
            "service": block.service,
            "release": block.release,
            "revision": block.revision,
            "bundle": block.bundle,
            "shadow": block.shadow,
            "decision": block.classes[block.decisions[i]] if block.decisions else "",
            "scores": block.scores[i],
            "ids": {name: values[i] for name, values in block.ids.items()},
            "values": {name: values[i] for name, values in block.values.items()},
        }
        sums.add(row, block.positions[i])
        yield row
