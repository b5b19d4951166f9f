"""towpath train: from data to a proved candidate."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from towpath.cli.layout import columns, measured, short
from towpath.cli.project import chosen_services, from_option, open_here, seed_option, services_argument
from towpath.cli.session import Result, Session, Verb, joined
from towpath.core.errors import Exit, UsageError
from towpath.declare.service import Service
from towpath.training.champion import not_asked, read_comparison, told_gates, with_champion
from towpath.wiring import Project

if TYPE_CHECKING:  # what trains is loaded when something is trained
    from towpath.training.profile import Spent
    from towpath.training.run import Run
    from towpath.training.stages import Ran


@click.command(cls=Verb, epilog="Example: towpath train bankchurn --seed 7")
@services_argument
@click.option("--all", "every", is_flag=True, help="Train every service of the project.")
@seed_option
@from_option
@click.option("--params", metavar="best|FILE", help="Set what tuning found best, or the parameters in a JSON file.")
@click.option("--force", is_flag=True, help="Train although nothing changed, and use no cached stage.")
@click.option("--check", is_flag=True, help="Train nothing; say what changed since the newest candidate (exit code 6).")
@click.option("--profile", is_flag=True, help="Use no cached stage, and show where the time goes.")
@click.pass_obj
def train(
    session: Session,
    services: tuple[str, ...],
    every: bool,
    seed: int | None,
    folder: Path | None,
    params: str | None,
    force: bool,
    check: bool,
    profile: bool,
) -> Result:
    """Train services: fit, compile, prove, measure on rows held out. Each run leaves a candidate.

    Of its stages only those are done whose inputs changed; where none did, the newest candidate stands. Where the real
    data cannot be found, a service's own generator stands in, and the result says so. A gate that fails does not fail
    the training; it blocks `towpath pack`.
    """
    project = open_here(session)
    # Loaded before the services, so that a missing library is told as such and not as a fault of service.py.
    import towpath.training.run  # noqa: F401

    names = chosen_services(project, services, every)
    declared = [project.service(name) for name in names]
    if check:
        return told_stale(project, [checked(project, service, folder) for service in declared])
    chosen = {"seed": project.seed(seed), "folder": folder, "force": force or profile}
    return joined(
        [one(project, service, session, profile, params=read_params(project, service.name, params), **chosen)
         for service in declared]
    )  # fmt: skip


def one(project: Project, service: Service, session: Session, profile: bool, **how: Any) -> Result:
    """Train one service, under the profiler where that is asked for."""
    if not profile:
        return told(project, train_service(project, service, session, **how))
    from towpath.training.profile import profiled

    run, spent = profiled(lambda: train_service(project, service, session, **how))
    return told_profile(told(project, run), run, spent)


def train_service(
    project: Project,
    service: Service,
    session: Session,
    *,
    seed: int,
    folder: Path | None = None,
    params: dict[str, Any] | None = None,
    force: bool = False,
) -> "Run":
    """Train one service and keep what comes out."""
    from towpath.training import run

    def say(text: str) -> None:
        session.say(f"{service.name}: {text}")

    project.make_state()
    history = project.ledger(service.name).read()
    if history.current:
        say(f"learns from version {history.current.number} of {len(history.versions)} of its data")
    wish = run.Wish(seed, params or {}, force)
    return run.train_service(service, project.place(service.name, folder), wish, now=datetime.now(UTC), say=say)


def read_params(project: Project, service: str, named: str | None) -> dict[str, Any]:
    """The parameters in a file, or those that tuning found best; {} where none are named. Raises UsageError."""
    if named is None:
        return {}
    path = project.tuned / service / "best.json" if named == "best" else Path(named)
    hint = f"towpath candidate tune {service}" if named == "best" else 'it holds {"step__name": value, ...}'
    try:
        given = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UsageError(f"there is no {path}", hint=hint) from error
    except ValueError as error:
        raise UsageError(f"{path} is not JSON: {error}", hint=hint) from error
    params = given.get("params", given) if isinstance(given, dict) else given
    if not isinstance(params, dict):
        raise UsageError(f"{path} holds no object of parameters", hint=hint)
    return params


def checked(project: Project, service: Service, folder: Path | None) -> tuple[str, str, list[str]]:
    """The service, its newest candidate's name, and what changed since."""
    from towpath.training import stale

    found, reasons = stale.check(service, project.place(service.name, folder))
    return service.name, found.name if found else "", reasons


def told_stale(project: Project, found: list[tuple[str, str, list[str]]]) -> Result:
    lines, data = [], []
    for service, name, reasons in found:
        subject = name or service
        state = f"is stale: {'; '.join(reasons)}" if reasons else "is what its declaration and data would give again"
        lines.append(f"{subject} {state}")
        data.append({"service": service, "candidate": name, "stale": bool(reasons), "because": reasons})
    behind = [service for service, _, reasons in found if reasons]
    if not behind:
        return Result(data, "\n".join(lines))
    refusal = f"{', '.join(behind)} would come out otherwise today"
    return Result(data, "\n".join(lines), Exit.CONFLICT, refusal, f"towpath train {' '.join(behind)}")


def told(project: Project, run: "Run") -> Result:
    candidate, data = run.candidate, run.data
    reason = not_asked(project.bundles, project.candidates, candidate.service, candidate.bundle)
    gates = told_gates(with_champion(run.evaluation, read_comparison(run.path)), reason)
    of = " of " + ", ".join(source.name for source in data.sources) if data.sources else ""
    told_origin = (
        f"{data.counted()} real rows{of}"
        if data.origin == "real"
        else f"{data.counted()} GENERATED rows{of}: no word on real ones"
    )
    cached = any(stage.cached for stage in run.ran) and not run.unchanged
    rows = [
        ("data", told_origin),
        *(("kept", f"{one.keeps} (drops {one.drops})") for one in data.filters),
        *([("stages", ", ".join(map(str, run.ran)))] if cached else []),
        *(("not cached", f"{stage.stage}: {stage.uncached}") for stage in first_uncached(run)),
        *(("changed", reason) for reason in run.because),
        *([("same as", f"{run.same_as}: its bundle is the same")] if run.same_as else []),
        *([("params", json.dumps(candidate.params))] if candidate.params else []),
        *measured(msgspec.structs.replace(run.evaluation, gates=gates)),
        ("kept in", run.path),
        ("bundle", f"{short(candidate.bundle)} when packed"),
        ("next", f"towpath pack {candidate.service}"),
    ]
    head = f"{candidate.name} is trained with seed {candidate.seed}"
    if run.unchanged:
        head = f"nothing changed since {candidate.name}: every stage is cached; --force trains anyway"
    return Result(as_data(run), f"{head}\n" + columns(rows, "  "))


def first_uncached(run: "Run") -> "list[Ran]":
    """The stage that cannot be kept; those after it cannot for the same reason."""
    return [stage for stage in run.ran if stage.uncached][:1]


def told_profile(result: Result, run: "Run", spent: "list[Spent]") -> Result:
    """The stages, then the functions that took longest."""
    stages = columns([(stage.stage, f"{stage.seconds:.2f} s") for stage in run.ran], "  ")
    head = ("seconds", "alone", "calls", "function")
    rows = [(f"{one.seconds:.2f}", f"{one.own_seconds:.2f}", one.calls, one.function) for one in spent]
    text = f"{result.text}\n\nstages\n{stages}\n\n{columns([head, *rows], '  ')}"
    return Result({**result.data, "profile": msgspec.to_builtins(spent)}, text)


def as_data(run: "Run") -> dict[str, Any]:
    return {
        "candidate": run.candidate.name,
        "path": str(run.path),
        "origin": run.data.origin,
        "seed": run.candidate.seed,
        "params": run.candidate.params,
        "bundle": run.candidate.bundle,
        "unchanged": run.unchanged,
        "stages": msgspec.to_builtins(list(run.ran)),
        "because": list(run.because),
        "same_as": run.same_as,
        "tracking": msgspec.to_builtins(run.delivered),
        "evaluation": msgspec.to_builtins(run.evaluation),
        "next": f"towpath pack {run.candidate.service}",
    }
