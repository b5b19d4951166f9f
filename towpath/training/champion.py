"""The gates about a champion: asked when a candidate is packed, and kept beside it, for a bundle knows no other."""

from pathlib import Path

from towpath.core import formats
from towpath.core.comparison import Comparison
from towpath.core.evaluation import Evaluation, GateResult
from towpath.core.formats import read_record

RECORD = "champion.json"


def save_comparison(path: Path, found: Comparison) -> None:
    """Keep a candidate's comparison with its champion in the candidate's folder."""
    (path / RECORD).write_bytes(formats.canonical(found))


def read_comparison(path: Path) -> Comparison | None:
    """What was found when the candidate was last compared with a champion, if it ever was."""
    file = path / RECORD
    return read_record(file.read_bytes(), Comparison, formats.COMPARISON, str(file)) if file.is_file() else None


def with_champion(evaluation: Evaluation, found: Comparison | None) -> tuple[GateResult, ...]:
    """The gates of an evaluation, those about a champion answered by the comparison where there is one."""
    answered = {gate.gate: gate for gate in found.gates} if found else {}
    return tuple(answered.get(gate.gate, gate) for gate in evaluation.gates)
