"""towpath pack: a candidate becomes a bundle, unless a gate forbids it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from towpath.bundle.write import write_bundle
from towpath.cli.layout import columns, gate_line, short, size
from towpath.cli.packed import newest_other, prove_bundle
from towpath.cli.project import complete_services, open_here
from towpath.cli.session import Result, Session, Verb
from towpath.cli.staleness import standing_of
from towpath.core import manifest
from towpath.core.comparison import UNKNOWN_CHAMPION
from towpath.core.errors import Blocked, InfrastructureError, VerificationRefused
from towpath.core.evaluation import GateResult, Verdict
from towpath.core.manifest import Manifest
from towpath.training.candidate import Candidate, find_candidate, read_evaluation, read_files
from towpath.training.champion import not_asked, save_comparison, told_gates, with_champion
from towpath.wiring import Project


@dataclass(frozen=True)
class Packed:
    """A bundle as written and proved; `waived` are the gates that a person let pass."""

    id: str
    path: Path
    manifest: Manifest
    golden_rows: int
    waived: list[GateResult]

    @property
    def bytes(self) -> int:
        return sum(entry.size for entry in self.manifest.files.values())


@click.command(cls=Verb, epilog='Example: towpath pack bankchurn-3 --waive "the gap is known and accepted, see #41"')
@click.argument("candidate", metavar="SERVICE|CANDIDATE", shell_complete=complete_services)
@click.option(
    "--output", type=click.Path(file_okay=False, path_type=Path), metavar="DIR", help="Write the bundle here instead."
)
@click.option("--champion", metavar="BUNDLE", help="Ask this bundle, not the newest packed one, about the champion.")
@click.option("--waive", "reason", metavar="REASON", help="Pack although a gate says no; the bundle stays the same.")
@click.pass_obj
def pack(session: Session, candidate: str, output: Path | None, champion: str | None, reason: str | None) -> Result:
    """Pack a candidate, of a service the newest, into a bundle; then prove that it answers as recorded.

    A gate that fails blocks this, exit code 4. One that is inconclusive only warns. Gates about the champion compare
    with the newest bundle that is packed already, on the same rows; what they say is kept with the candidate.
    """
    project = open_here(session)
    packed = pack_candidate(project, candidate, session, output=output, reason=reason, champion=champion)
    return told(packed, reason)


def pack_candidate(
    project: Project,
    name: str,
    session: Session,
    *,
    output: Path | None = None,
    reason: str | None = None,
    champion: str | None = None,
) -> Packed:
    """Raises Blocked where a gate says no and nobody waives it, VerificationRefused where the candidate was changed."""
    candidate, path = find_candidate(project.candidates, name)
    gates = [*answered_gates(project, candidate, path, session, champion), *data_gate(project, candidate)]
    waived = pass_gates(candidate.name, gates, session, reason)
    files = read_files(path)
    listed = manifest.list_files(candidate.service, files)
    if manifest.bundle_id(listed) != candidate.bundle:
        raise VerificationRefused(
            f"{path} was changed after {candidate.name} was trained", hint=f"towpath train {candidate.service}"
        )
    session.say(f"packing {candidate.name}")
    identity, home = write_bundle(candidate.service, files, output or project.bundles / candidate.service)
    session.say("reading it back, and asking it every golden row")
    packed = Packed(identity, home, listed, prove_bundle(home).golden_rows, waived)
    register(project, candidate, path, session)
    return packed


def register(project: Project, candidate: Candidate, path: Path, session: Session) -> None:
    """Let the tracking server know of the bundle, where there is one; packing does not depend on it."""
    from towpath.training import tracking

    outbox = project.outbox()
    outbox.put(tracking.Waiting("version", candidate.name, str(path), candidate.bundle))
    for line in tracking.told(outbox.deliver(), outbox.where):
        session.say(f"{candidate.service}: {line}")


def answered_gates(
    project: Project, candidate: Candidate, path: Path, session: Session, named: str | None
) -> Sequence[GateResult]:
    """The candidate's gates; those about a champion ask it, where there is one."""
    evaluation = read_evaluation(path)
    if not any(gate.reason == UNKNOWN_CHAMPION for gate in evaluation.gates):
        return evaluation.gates
    champion = named or newest_other(project, candidate.service, candidate.bundle)
    if champion is None:
        alone = not_asked(project.bundles, project.candidates, candidate.service, candidate.bundle)
        return told_gates(evaluation.gates, alone)
    from towpath.cli.compare import compare_two, find_contender

    try:
        ours, other = (find_contender(project, session, str(one))[0] for one in (candidate.name, champion))
        found = compare_two(project, candidate.service, session, ours, other, seed=candidate.seed)
    except InfrastructureError as error:  # the rows are gone, which is no verdict on the model
        session.say(f"warning: the champion could not be asked: {error}")
        return evaluation.gates
    save_comparison(path, found)
    return with_champion(evaluation, found)


def data_gate(project: Project, candidate: Candidate) -> list[GateResult]:
    """What the history of the data says of a candidate: nothing, unless its version was dropped or is not current."""
    stands = standing_of(project, candidate)
    verdict: Verdict = "fail" if stands.is_dropped else "inconclusive"
    return [GateResult("data version is good", verdict, f"it {stands.said}")] if stands.said else []


def pass_gates(name: str, gates: Sequence[GateResult], session: Session, reason: str | None) -> list[GateResult]:
    """The gates that are waived. Raises Blocked naming all that say no."""
    refusing = [gate for gate in gates if gate.verdict in ("fail", "error")]
    for gate in gates:
        if gate.verdict == "inconclusive":
            session.say(f"warning: {gate_line(gate)}")
    if refusing and not (reason or "").strip():
        told = "".join(f"\n  {gate_line(gate)}" for gate in refusing)
        count = "a gate says" if len(refusing) == 1 else f"{len(refusing)} gates say"
        raise Blocked(
            f"{name} is not packed; {count} no:{told}",
            hint=f'train a better one, or towpath pack {name} --waive "REASON"',
        )
    return refusing


def told(packed: Packed, reason: str | None) -> Result:
    service = packed.manifest.service
    rows = [
        ("id", packed.id),
        ("path", packed.path),
        ("size", f"{size(packed.bytes)} in {len(packed.manifest.files)} files"),
        ("proved", f"every byte, and {packed.golden_rows} golden rows"),
        *(("waived", f"{gate_line(gate)}: {reason}") for gate in packed.waived),
        ("next", f"towpath serve {service}"),
    ]
    return Result(as_data(packed, reason), f"{service} is packed as bundle:{short(packed.id)}\n" + columns(rows, "  "))


def as_data(packed: Packed, reason: str | None) -> dict[str, Any]:
    return {
        "service": packed.manifest.service,
        "id": packed.id,
        "path": str(packed.path),
        "bytes": packed.bytes,
        "files": {name: entry.size for name, entry in packed.manifest.files.items()},
        "golden_rows": packed.golden_rows,
        "waived": {gate.gate: reason for gate in packed.waived},
        "next": f"towpath serve {packed.manifest.service}",
    }
