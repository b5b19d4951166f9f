"""golden.jsonl: rows a bundle must answer as recorded before it takes traffic."""

from typing import Any, Literal

from msgspec import Struct

Why = Literal["typical", "edge", "missing", "threshold"]


class GoldenRow(Struct, frozen=True, forbid_unknown_fields=True):
    """One record with the scores it must get, within tolerance * max(1, |score|).

    Its columns are recombined from different rows, so that no real person's row is in a bundle.
    """

    why: Why
    record: dict[str, Any]
    scores: tuple[float, ...]
    tolerance: float


def differs(row: GoldenRow, scores: tuple[float, ...]) -> bool:
    """Whether these scores are not the recorded ones; another CPU may differ in the last bits."""
    return len(scores) != len(row.scores) or not all(
        abs(given - expected) <= row.tolerance * max(1.0, abs(expected))
        for given, expected in zip(scores, row.scores, strict=True)
    )
