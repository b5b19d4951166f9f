"""towpath candidate: what training runs left behind."""

from collections import Counter
from typing import Any

import click
import msgspec

from towpath.cli.found import details
from towpath.cli.layout import columns, measured, short
from towpath.cli.project import complete_services, open_here
from towpath.cli.report import report
from towpath.cli.session import Noun, Result, Session
from towpath.cli.staleness import stale_candidates
from towpath.cli.track import track
from towpath.cli.tune import tune
from towpath.core.evaluation import Evaluation
from towpath.training.candidate import (
    Candidate,
    Unreadable,
    find_candidate,
    list_candidates,
    newest_first,
    read_evaluation,
)
from towpath.training.champion import not_asked, read_comparison, told_gates, with_champion
from towpath.training.report.names import REPORT


@click.group(cls=Noun)
def candidate() -> None:
    """Candidates: what training runs left behind, numbered by service."""


@candidate.command("list", epilog="Example: towpath candidate list")
@click.pass_obj
def listed(session: Session) -> Result:
    """List all candidates with their first metric and their gates, and those that cannot be read with the reason.

    The newest of a service is stale where its declaration or data changed since.
    """
    project = open_here(session)
    found = list_candidates(project.candidates)
    readable = [one for one in found if not isinstance(one, Unreadable)]
    spoiled = [one for one in found if isinstance(one, Unreadable)]
    table = columns(line(one, measures) for one, measures in readable)
    stale = stale_candidates(project, [one for one, _ in readable])
    lines = [f"{one.name}  CANNOT BE READ: {one.reason}" for one in spoiled]
    lines += [f"{name} is STALE: {'; '.join(why)}\n  try: {train_again(name)}" for name, why in stale.items()]
    text = "\n".join([*([table] if table else []), *lines])
    data = [
        *({**as_data(*one), "stale": stale.get(one[0].name, [])} for one in readable),
        *({"name": one.name, "unreadable": one.reason} for one in spoiled),
    ]
    return Result(data, text or "no candidate yet: towpath train SERVICE")


@candidate.command(epilog="Example: towpath candidate show bankchurn-3")
@click.argument("name", shell_complete=complete_services)
@click.pass_obj
def show(session: Session, name: str) -> Result:
    """Show one candidate, of a service the newest: where it came from and everything measured about it."""
    project = open_here(session)
    found, path = find_candidate(project.candidates, name)
    evaluation = read_evaluation(path)
    compared = read_comparison(path)
    answered = msgspec.structs.replace(evaluation, gates=with_champion(evaluation, compared))
    reason = not_asked(project.bundles, project.candidates, found.service, found.bundle)
    stale = stale_candidates(project, newest_first(project.candidates, found.service)).get(found.name, [])
    rows = [
        ("trained", f"{found.trained_at:%Y-%m-%d %H:%M:%S} UTC on {found.origin} data, seed {found.seed}"),
        *(("STALE", f"{reason}: {train_again(found.name)}") for reason in stale),
        ("code", short(found.code)),
        *measured(msgspec.structs.replace(answered, gates=told_gates(answered.gates, reason))),
        *details(evaluation),
        *((f"{one.field} {one.group}", str(one.metric)) for one in evaluation.slices),
        ("kept in", path),
        *([("report", path / REPORT)] if (path / REPORT).is_file() else []),
        ("bundle", f"{short(found.bundle)} when packed"),
    ]
    data = {**as_data(found, answered), "stale": stale}
    data |= {"champion": msgspec.to_builtins(compared)} if compared else {}
    return Result(data, f"{found.name}\n" + columns(rows, "  "))


candidate.add_command(report)
candidate.add_command(tune)
candidate.add_command(track)


def train_again(name: str) -> str:
    return f"towpath train {name.rpartition('-')[0]}"


def line(found: Candidate, evaluation: Evaluation) -> tuple[str, ...]:
    trained_at, seed = f"{found.trained_at:%Y-%m-%d %H:%M}", f"seed {found.seed}"
    return found.name, trained_at, found.origin, seed, metric(evaluation), gates(evaluation), short(found.bundle)


def metric(evaluation: Evaluation) -> str:
    return str(evaluation.metrics[0]) if evaluation.metrics else ""


def gates(evaluation: Evaluation) -> str:
    """`4 gates pass`, how many say no, or how many nobody could answer."""
    counts = Counter(gate.verdict for gate in evaluation.gates)
    if refusing := counts["fail"] + counts["error"]:
        return f"{refusing} of {counts.total()} gates fail{'s' if refusing == 1 else ''}"
    open_ones = f", {counts['inconclusive']} inconclusive" if counts["inconclusive"] else ""
    return ("1 gate passes" if counts["pass"] == 1 else f"{counts['pass']} gates pass") + open_ones


def as_data(found: Candidate, evaluation: Evaluation) -> dict[str, Any]:
    return {"name": found.name, **msgspec.to_builtins(found), "evaluation": msgspec.to_builtins(evaluation)}
