"""towpath candidate: what training runs left behind."""

from typing import Any

import click
import msgspec

from towpath.cli.layout import columns, measured, short
from towpath.cli.project import complete_services, open_here
from towpath.cli.session import Noun, Result, Session
from towpath.core.evaluation import Evaluation
from towpath.training.candidate import Candidate, Unreadable, find_candidate, list_candidates, read_evaluation


@click.group(cls=Noun)
def candidate() -> None:
    """Candidates: what training runs left behind, numbered by service."""


@candidate.command("list", epilog="Example: towpath candidate list")
@click.pass_obj
def listed(session: Session) -> Result:
    """List all candidates with their first metric and their gates, and those that cannot be read with the reason."""
    found = list_candidates(open_here(session).candidates)
    readable = [one for one in found if not isinstance(one, Unreadable)]
    spoiled = [one for one in found if isinstance(one, Unreadable)]
    table = columns(line(one, measures) for one, measures in readable)
    text = "\n".join([*([table] if table else []), *(f"{one.name}  CANNOT BE READ: {one.reason}" for one in spoiled)])
    data = [*(as_data(*one) for one in readable), *({"name": one.name, "unreadable": one.reason} for one in spoiled)]
    return Result(data, text or "no candidate yet: towpath train SERVICE")


@candidate.command(epilog="Example: towpath candidate show bankchurn-3")
@click.argument("name", shell_complete=complete_services)
@click.pass_obj
def show(session: Session, name: str) -> Result:
    """Show one candidate, of a service the newest: where it came from and everything measured about it."""
    found, path = find_candidate(open_here(session).candidates, name)
    evaluation = read_evaluation(path)
    rows = [
        ("trained", f"{found.trained_at:%Y-%m-%d %H:%M:%S} UTC on {found.origin} data, seed {found.seed}"),
        ("code", short(found.code)),
        *measured(evaluation),
        *((f"{one.field} {one.group}", str(one.metric)) for one in evaluation.slices),
        ("kept in", path),
        ("bundle", f"{short(found.bundle)} when packed"),
    ]
    return Result(as_data(found, evaluation), f"{found.name}\n" + columns(rows, "  "))


def line(found: Candidate, evaluation: Evaluation) -> tuple[str, ...]:
    trained_at, seed = f"{found.trained_at:%Y-%m-%d %H:%M}", f"seed {found.seed}"
    return found.name, trained_at, found.origin, seed, metric(evaluation), gates(evaluation), short(found.bundle)


def metric(evaluation: Evaluation) -> str:
    return str(evaluation.metrics[0]) if evaluation.metrics else ""


def gates(evaluation: Evaluation) -> str:
    """`4 gates pass`, or how many do not."""
    refusing = [gate for gate in evaluation.gates if gate.verdict != "pass"]
    if refusing:
        return f"{len(refusing)} of {len(evaluation.gates)} gates do not pass"
    return "1 gate passes" if len(evaluation.gates) == 1 else f"{len(evaluation.gates)} gates pass"


def as_data(found: Candidate, evaluation: Evaluation) -> dict[str, Any]:
    return {"name": found.name, **msgspec.to_builtins(found), "evaluation": msgspec.to_builtins(evaluation)}
