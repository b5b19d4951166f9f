"""towpath candidate tune: search for better parameters, on the training rows alone."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from towpath.cli.layout import columns
from towpath.cli.project import complete_services, from_option, open_here, seed_option
from towpath.cli.session import Result, Session, Verb, is_fancy
from towpath.declare.service import Service
from towpath.wiring import Project

if TYPE_CHECKING:  # what searches is loaded when something is searched
    from towpath.training.tune import Progress, Reached, Tuned

TRIALS = 30


@click.command(cls=Verb, epilog="Example: towpath candidate tune bankchurn --trials 50")
@click.argument("service", shell_complete=complete_services)
@click.option("--trials", type=click.IntRange(1), default=TRIALS, show_default=True, metavar="N", help="Trials in all.")
@click.option("--timeout", type=click.FloatRange(0), metavar="SECONDS", help="Begin no trial after so many seconds.")
@click.option("--resume", is_flag=True, help="Go on with the search that was begun, and refuse where there is none.")
@click.option("--fresh", is_flag=True, help="Forget the search that was begun.")
@seed_option
@from_option
@click.pass_obj
def tune(
    session: Session,
    service: str,
    trials: int,
    timeout: float | None,
    resume: bool,
    fresh: bool,
    seed: int | None,
    folder: Path | None,
) -> Result:
    """Search the space that a service declares with `tune=` for parameters that do better.

    Every trial is cross-validated on the training rows; test rows are never looked at. A search that was interrupted
    goes on where it stopped when the same command is given again. `towpath train SERVICE --params best` takes what was
    found.
    """
    if resume and fresh:
        raise click.UsageError("--resume goes on with a search and --fresh forgets it; give one of them")
    project = open_here(session)
    import towpath.training.tune  # noqa: F401  # before the service, so that a missing library is told as such

    declared = project.service(service)
    project.make_state()
    kept = 0

    def keep(progress: "Progress") -> None:
        nonlocal kept
        kept = progress.done
        tell(progress)

    try:
        with shown(session, service) as tell:
            found = searched(project, declared, session, keep, seed, folder, fresh, resume, (trials, timeout))
    except KeyboardInterrupt:
        again = ", without --fresh" if fresh else ""
        told_kept = f"{kept} of {trials} trials are" if kept else "what was tried is"  # going on, none is told at first
        session.say(f"{told_kept} kept; the same command{again} goes on")
        raise
    return told(project, declared, found)


def searched(
    project: Project,
    service: Service,
    session: Session,
    tell: "Callable[[Progress], None]",
    seed: int | None,
    folder: Path | None,
    fresh: bool,
    resume: bool,
    budget: tuple[int, float | None],
) -> "Tuned":
    from towpath.data import pull
    from towpath.data.table import read_rows
    from towpath.training.inputs import read_inputs
    from towpath.training.tune import Budget, Tuning, searched

    searched(service)  # a fault in the space is told before anything takes time
    chosen = project.seed(seed)
    place = project.place(service.name, folder)
    session.say(f"{service.name}: reading its data")
    rows = read_rows(service, place.objects, place.folders, seed=chosen)
    inputs = read_inputs(service, pull.pull(service.data, place.objects, place.folders), seed=chosen)
    home = project.tuned / service.name
    say: Callable[[str], None] = lambda text: session.say(f"{service.name}: {text}")  # noqa: E731
    return Tuning(service, rows, inputs, home, fresh, resume, tell, say).run(Budget(*budget))


@contextmanager
def shown(session: Session, service: str) -> "Iterator[Callable[[Progress], None]]":
    """A bar on a terminal, a line for each trial elsewhere."""
    if not session.quiet and is_fancy(sys.stderr):
        with bar(service) as tell:
            yield tell
    else:
        yield lambda progress: session.say(f"{service}: {line(progress)}")


@contextmanager
def bar(service: str) -> "Iterator[Callable[[Progress], None]]":
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    shape = (TextColumn(service), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[best]}"))
    with Progress(*shape, TimeRemainingColumn(), console=Console(stderr=True), transient=True) as shown_bar:
        task = shown_bar.add_task(service, total=None, best="")
        yield lambda found: shown_bar.update(
            task, total=found.wanted, completed=found.done, best=f"best {found.best:.4f}"
        )


def line(progress: "Progress") -> str:
    """`trial 7 of 50, best 0.8712 (2 stopped early)`"""
    stopped = f" ({progress.pruned} stopped early)" if progress.pruned else ""
    return f"trial {progress.done} of {progress.wanted}, best {progress.best:.4f}{stopped}"


def told(project: Project, service: Service, found: "Tuned") -> Result:
    from towpath.training.tune import BEST, snippet

    written = snippet(service.estimator(), found.params) if found.params else ""
    path = project.tuned / service.name / BEST
    stopped = f", {found.pruned} of them stopped early" if found.pruned else ""
    failed = f", {found.failed} failed" if found.failed else ""
    rows = [
        ("best", over_folds(found.best), json.dumps(found.params)),
        ("declared", over_folds(found.declared), json.dumps(found.declared_params)),
        ("gain", over_folds(found.better), verdict(found)),
        ("trials", f"{found.trials}{stopped}{failed}", f"{found.seconds:.0f} s"),
        ("kept in", path),
        ("next", f"towpath train {service.name} --params best"),
    ]
    head = f"{service.name}: {found.metric} over {len(found.declared.folds)} folds of the training rows"
    paste = f"\n\nin build():\n{written}" if written else ""
    data = {**msgspec.to_builtins(found), "snippet": written, "path": str(path), "verdict": verdict(found)}
    return Result(data, f"{head}\n{columns(rows, '  ')}{paste}")


def over_folds(reached: "Reached") -> str:
    return f"{reached.mean:.4f} ± {reached.sd:.4f}"


def verdict(found: "Tuned") -> str:
    """Whether the gain is more than the best of as many trials would show by chance."""
    from towpath.training.tune import chance_gain

    if not found.params or found.better.mean <= 0:
        return "no better than what is declared"
    if found.better.mean > chance_gain(found.better, found.trials):
        return "better than what is declared"
    many = "1 trial" if found.trials == 1 else f"{found.trials} trials"
    return f"best on these folds, but {many} would reach as much by chance"
