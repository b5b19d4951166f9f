"""towpath data add, history, checkout, rollback: the versions of a data set."""

from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any

import click
import msgspec

from towpath.cli.author import act
from towpath.cli.datasets.options import data_home, from_place_option, remote_option, service_argument
from towpath.cli.layout import columns, short, size
from towpath.cli.project import from_option, open_here
from towpath.cli.session import Result, Session, Verb
from towpath.core.dataset import DataFile, Happened, History, Version, standing
from towpath.core.errors import InfrastructureError, UsageError
from towpath.core.quality import DataQuality
from towpath.data.pull import places
from towpath.data.versions import DataHome, check_out, roll_back
from towpath.declare.data import Packaged
from towpath.training.trained_on import packed_on, trained_on
from towpath.wiring import Project


@click.command(cls=Verb, epilog='Example: towpath data add bankchurn --from churn-june.csv --message "June"')
@service_argument
@from_place_option
@click.option("--message", metavar="TEXT", help="Why, or what is in it; kept in the history.")
@click.pass_obj
def add(session: Session, service: str, place: Path | None, message: str | None) -> Result:
    """Record files as the next version of a service's data, and check it out: the next training uses it.

    Every quality rule is asked first; data that breaks one is not recorded. The history is `data.history.jsonl` beside
    service.py, to be committed; the bytes are in the object store, to be shared by `towpath data push`.
    """
    project = open_here(session)
    home = data_home(project, service, place if place and place.is_dir() else None)
    found = new_files(home, place)
    session.say(f"{service}: storing and checking {', '.join(path.name for path in found)}")
    from towpath.data.adding import add as record

    added = record(home, found, act(project.root, message))
    return told_added(project, service, added)


def new_files(home: DataHome, place: Path | None) -> list[Path]:
    """A file for each that the service declares. Raises UsageError or InfrastructureError naming what is not found."""
    sources = home.service.data.reads.sources
    if isinstance(home.service.data.reads, Packaged):
        raise UsageError(f"{sources[0].name} ships with scikit-learn and has one version", hint="csv() takes your own")
    if place and place.is_file():
        if len(sources) > 1:
            names = ", ".join(source.name for source in sources)
            raise UsageError(f"{home.service.name} has {len(sources)} files: {names}", hint="--from their FOLDER")
        return [place]
    folders = [place] if place else home.folders
    found = {source.name: places(source.name, folders) for source in sources}
    if absent := [name for name, paths in found.items() if not paths]:
        where = ", ".join(map(str, folders))
        raise InfrastructureError(f"{', '.join(absent)} not found in {where}", hint="--from FILE or --from FOLDER")
    return [paths[0] for paths in found.values()]


def told_added(project: Project, name: str, added: Any) -> Result:
    version, quality = added.version, added.quality
    behind = behind_of(project, name, project.ledger(name).read())
    head = f"{name} data version {version.number} is recorded and checked out"
    if not added.is_new:
        head = f"{name} data is version {version.number} already; nothing changed"
    rows = [
        *file_rows(version.files),
        *(
            [("rows as in", f"version {added.same_rows_as}: the same rows, in another file")]
            if added.same_rows_as
            else []
        ),
        *(("warning", str(one)) for one in quality.warnings),
        *(("stale", line) for line in behind),
        ("next", f"towpath train {name}" if added.is_new or behind else f"towpath data history {name}"),
    ]
    data = {**as_data(version, current=True), "new": added.is_new, "stale": behind, "same_rows_as": added.same_rows_as}
    return Result({"service": name, **data, "quality": quality_data(quality), "next": rows[-1][1]},
                  f"{head}\n" + columns(rows, "  "))  # fmt: skip


@click.command(cls=Verb, epilog="Example: towpath data history bankchurn")
@service_argument
@click.pass_obj
def history(session: Session, service: str) -> Result:
    """Show every version of a service's data, and what happened to it: when, who, what and why."""
    project = open_here(session)
    project.declared(service)
    found = project.ledger(service).read()
    data = {
        "service": service,
        "current": found.current.number if found.current else None,
        "versions": [as_data(one, current=one is found.current) for one in found.versions],
        "events": [msgspec.to_builtins(event) for event in found.events],
    }
    if not found.events:
        return Result(data, f"{service} data has no history yet: towpath data add {service} --from FILE")
    parts = [columns(version_row(one, found) for one in found.versions), columns(map(event_row, found.events))]
    return Result(data, "\n\n".join(part for part in parts if part))


@click.command(cls=Verb, epilog="Example: towpath data checkout bankchurn 1 --output old/")
@service_argument
@click.argument("version", type=click.IntRange(1))
@click.option("--output", type=click.Path(file_okay=False, path_type=Path), metavar="DIR", help="Write its files here.")
@remote_option
@from_option
@click.pass_obj
def checkout(
    session: Session, service: str, version: int, output: Path | None, remote: Path | None, folder: Path | None
) -> Result:
    """Have an earlier or later version count: every training uses it from now on, byte for byte.

    With --output its files are written there, and the version that counts stays.
    """
    project = open_here(session)
    home = data_home(project, service, folder, remote)
    if output is not None:
        chosen, paths = written(home, version, output)
        text = f"{service} data version {version} is written to {output}\n" + columns(file_rows(chosen.files), "  ")
        return Result({"service": service, **as_data(chosen, current=False), "written": paths}, text)
    chosen = check_out(home, version, act(project.root))
    behind = behind_of(project, service, project.ledger(service).read())
    rows = [*file_rows(chosen.files), *(("stale", line) for line in behind), ("next", f"towpath train {service}")]
    text = f"{service} data is at version {version}\n" + columns(rows, "  ")
    return Result({"service": service, **as_data(chosen, current=True), "stale": behind}, text)


def written(home: DataHome, number: int, output: Path) -> tuple[Version, list[str]]:
    """The files of a version as they are named in the declaration, each checked as it is read."""
    from towpath.data.versions import bring

    chosen = home.ledger.read().version(number)
    paths = []
    for file in bring(home, chosen):
        named = PurePosixPath(file.name)
        path = output / (named.name if named.is_absolute() or ".." in named.parts else named)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(home.store.get(file.sha256))
        paths.append(str(path))
    return chosen, paths


@click.command(cls=Verb, epilog='Example: towpath data rollback bankchurn --reason "balances in cents"')
@service_argument
@click.option("--to", "number", type=click.IntRange(1), metavar="VERSION",
              help="Go back to this one (default: the last good).")  # fmt: skip
@click.option("--reason", metavar="TEXT", help="What is wrong with it; kept in the history and told of its candidates.")
@remote_option
@from_option
@click.pass_obj
def rollback(
    session: Session, service: str, number: int | None, reason: str | None, remote: Path | None, folder: Path | None
) -> Result:
    """Drop the version that counts and go back to the good one before it.

    Candidates that were trained on the dropped version are flagged, and `towpath pack` refuses them.
    """
    project = open_here(session)
    home = data_home(project, service, folder, remote)
    dropped, back = roll_back(home, act(project.root, reason), number or 0)
    flagged = learnt_from(dropped, trained_on(project.candidates, service))
    packed = learnt_from(dropped, packed_on(project.bundles, service))
    rows = [
        ("dropped", f"version {dropped.number}, {rows_of(dropped.files)}"),
        *file_rows(back.files),
        ("flagged", ", ".join(flagged) or "no candidate was trained on it"),
        *([("PACKED", f"{', '.join(packed)} learnt from it: serve another")] if packed else []),
        ("next", f"towpath train {service}"),
    ]
    data = {"service": service, **as_data(back, current=True), "dropped": dropped.number, "flagged": flagged}
    data |= {"bundles": packed}
    return Result(data, f"{service} data is back at version {back.number}\n" + columns(rows, "  "))


def learnt_from(version: Version, found: Iterable[tuple[str, tuple[str, ...]]]) -> list[str]:
    """Of (name, sha256s of its data) the names that were trained on exactly this version."""
    return [name for name, sha256s in found if sorted(sha256s) == sorted(version.sha256s)]


def behind_of(project: Project, name: str, history: History) -> list[str]:
    """What is to be said of the newest candidate's data, if it is not what counts now."""
    newest = list(trained_on(project.candidates, name))[-1:]
    return [f"{candidate} {said}" for candidate, sha256s in newest if (said := standing(history, sha256s).said)]


def file_rows(files: tuple[DataFile, ...]) -> list[tuple[str, str]]:
    return [(file.name, f"sha256 {short(file.sha256)}{_size(file)}") for file in files]


def _size(file: DataFile) -> str:
    return f", {size(file.size)}, {file.rows} rows" if file.size else ", never seen here"


def rows_of(files: tuple[DataFile, ...]) -> str:
    return f"{sum(file.rows for file in files)} rows" if all(file.size for file in files) else "rows not counted"


def version_row(version: Version, history: History) -> tuple[str, ...]:
    mark = "*" if version is history.current else "x" if version.dropped else " "
    digests = " ".join(short(sha256) for sha256 in version.sha256s)
    added = version.added
    return f"{mark} {version.number}", added.at[:10], person(added.by), rows_of(version.files), digests, added.why


def event_row(event: Happened) -> tuple[str, ...]:
    about = f"version {event.version}" if event.version else "declared data"
    then = f", back to {event.now}" if event.now else ""
    return event.at, person(event.by), f"{event.what} {about}{then}", event.why


def person(by: str) -> str:
    """The name without the address, which --json has."""
    return by.partition(" <")[0]


def as_data(version: Version, current: bool) -> dict[str, Any]:
    return {
        "version": version.number,
        "current": current,
        "added_at": version.added.at,
        "added_by": version.added.by,
        "message": version.added.why,
        "files": msgspec.to_builtins(version.files),
        "rows": version.rows,
        "digest": version.added.digest,
        "dropped": msgspec.to_builtins(version.dropped) if version.dropped else None,
    }


def quality_data(quality: DataQuality) -> Any:
    return msgspec.to_builtins(quality)
