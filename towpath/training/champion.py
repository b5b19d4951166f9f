"""The gates about a champion: asked when a candidate is packed, and kept beside it, for a bundle knows no other."""

from collections.abc import Sequence
from pathlib import Path

from msgspec import structs

from towpath.core import formats
from towpath.core.comparison import UNKNOWN_CHAMPION, Comparison
from towpath.core.evaluation import Evaluation, GateResult
from towpath.core.formats import read_record
from towpath.training.candidate import newest_first

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


def champion_of(bundles: Path, candidates: Path, service: str, but: str) -> Path | None:
    """The newest packed bundle of a service that is not this one; None where there is none, or none is the newest."""
    home = bundles / service
    for candidate in newest_first(candidates, service):
        if candidate.bundle != but and (home / candidate.bundle[:12]).is_dir():
            return home / candidate.bundle[:12]
    others = [path for path in sorted(home.glob("[0-9a-f]*")) if not but.startswith(path.name)]
    return others[0] if len(others) == 1 else None


def not_asked(bundles: Path, candidates: Path, service: str, but: str) -> str:
    """Why a gate about the champion has no answer yet, as people are told: there is none, or packing asks it."""
    if champion := champion_of(bundles, candidates, service, but):
        return f"towpath pack compares with bundle:{champion.name}"
    other = "no other bundle" if any((bundles / service).glob("[0-9a-f]*")) else "nothing"
    return f"there is no champion yet: {other} of {service} is packed"


def told_gates(gates: Sequence[GateResult], reason: str) -> tuple[GateResult, ...]:
    """The gates as people are told them: what no bundle can know is told of the project it stands in."""
    return tuple(structs.replace(gate, reason=reason) if gate.reason == UNKNOWN_CHAMPION else gate for gate in gates)
