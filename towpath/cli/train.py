"""towpath train: from data to a proved candidate."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import msgspec

from towpath.cli.layout import columns, measured, short
from towpath.cli.project import chosen_services, from_option, open_here, seed_option, services_argument
from towpath.cli.session import Result, Session, Verb, joined
from towpath.core.evaluation import Evaluation
from towpath.core.lineage import DataLineage
from towpath.declare.service import Service
from towpath.training.candidate import Candidate, save_candidate
from towpath.wiring import Project


@dataclass(frozen=True)
class Run:
    """One training run that was kept."""

    candidate: Candidate
    path: Path
    evaluation: Evaluation
    data: DataLineage


@click.command(cls=Verb, epilog="Example: towpath train bankchurn --seed 7")
@services_argument
@click.option("--all", "every", is_flag=True, help="Train every service of the project.")
@seed_option
@from_option
@click.pass_obj
def train(session: Session, services: tuple[str, ...], every: bool, seed: int | None, folder: Path | None) -> Result:
    """Train services: fit, compile, prove, measure on rows held out. Each run leaves a candidate.

    Where the real data cannot be found, a service's own generator stands in, and the result says so. A gate that fails
    does not fail the training; it blocks `towpath pack`.
    """
    project = open_here(session)
    # Loaded before the services, so that a missing library is told as such and not as a fault of service.py.
    import towpath.training.train  # noqa: F401

    declared = [project.service(name) for name in chosen_services(project, services, every)]
    chosen = project.seed(seed)
    return joined([told(train_service(project, service, session, seed=chosen, folder=folder)) for service in declared])


def train_service(
    project: Project, service: Service, session: Session, *, seed: int, folder: Path | None = None
) -> Run:
    """Train one service and keep what comes out: the candidate, and the held-out sample as an object."""
    from towpath.data.table import read_rows
    from towpath.training.train import train as fit

    def say(text: str) -> None:
        session.say(f"{service.name}: {text}")

    project.make_state()
    say("reading its data")
    rows = read_rows(service, project.objects, project.data_folders(folder), seed=seed)
    say(f"has {len(rows)} {rows.origin} rows")
    trained = fit(service, rows, seed=seed, say=say)
    project.objects.put(trained.holdout)
    code = code_digest(project.service_folders()[service.name])
    candidate = save_candidate(project.candidates, service.name, trained, seed=seed, code=code, now=datetime.now(UTC))
    path = project.candidates / service.name / str(candidate.number)
    return Run(candidate, path, trained.evaluation, trained.data)


def code_digest(folder: Path) -> str:
    """The sha256 over names and bytes of a service's Python files."""
    hasher = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        content = path.read_bytes()
        hasher.update(f"{path.relative_to(folder).as_posix()} {len(content)}\n".encode())
        hasher.update(content)
    return hasher.hexdigest()


def told(run: Run) -> Result:
    candidate, data = run.candidate, run.data
    of = " of " + ", ".join(source.name for source in data.sources) if data.sources else ""
    told_origin = (
        f"{data.rows} real rows{of}"
        if data.origin == "real"
        else f"{data.rows} GENERATED rows{of}: no word on real ones"
    )
    rows = [
        ("data", told_origin),
        *measured(run.evaluation),
        ("kept in", run.path),
        ("bundle", f"{short(candidate.bundle)} when packed"),
        ("next", f"towpath pack {candidate.service}"),
    ]
    return Result(as_data(run), f"{candidate.name} is trained with seed {candidate.seed}\n" + columns(rows, "  "))


def as_data(run: Run) -> dict[str, Any]:
    return {
        "candidate": run.candidate.name,
        "path": str(run.path),
        "origin": run.data.origin,
        "seed": run.candidate.seed,
        "bundle": run.candidate.bundle,
        "evaluation": msgspec.to_builtins(run.evaluation),
        "next": f"towpath pack {run.candidate.service}",
    }
