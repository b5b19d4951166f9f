"""towpath data: the data sets that services learn from, their versions, and whether they are any good."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import msgspec

from towpath.cli.datasets.copies import push, restore, verify
from towpath.cli.datasets.dvc import export_dvc, import_dvc
from towpath.cli.datasets.options import remote_option
from towpath.cli.datasets.versions import add, behind_of, checkout, history, rollback
from towpath.cli.layout import columns, short, size
from towpath.cli.project import chosen_services, from_option, open_here, services_argument
from towpath.cli.session import Noun, Result, Session
from towpath.core.errors import Exit, InfrastructureError
from towpath.core.quality import DataQuality
from towpath.data.objects import ObjectStore
from towpath.data.pull import pull as bring
from towpath.data.pull import require


@click.group(cls=Noun)
def data() -> None:
    """Data sets: the files that services learn from, their versions and their quality."""


for command in (add, checkout, export_dvc, history, import_dvc, push, restore, rollback, verify):
    data.add_command(command)


@data.command(epilog="Example: towpath data pull bankchurn --from ~/Downloads")
@services_argument
@from_option
@remote_option
@click.pass_obj
def pull(session: Session, services: tuple[str, ...], folder: Path | None, remote: Path | None) -> Result:
    """Bring data files into the project's object store; of all services where none is named.

    A file is taken by its sha256 from the shared folder, else looked for by name: first in --from, then in
    TOWPATH_DATA, in the folders of towpath.toml and in the project. It counts only if its sha256 is the right one.
    """
    project = open_here(session)
    folders = project.data_folders(folder)
    if remote is not None and not remote.is_dir():
        raise InfrastructureError(f"there is no folder {remote}", hint="mount it")
    store = ObjectStore(project.state / "objects", project.remote(remote))
    project.make_state()
    found = []
    for name in chosen_services(project, services, every=not services):
        session.say(f"{name}: looking for its data")
        found += [(name, file) for file in bring(project.service(name).data, store, folders)]
    unbegun = next((name for name, file in found if not file.sha256), "SERVICE")
    require([file for _, file in found], [*([store.remote.root.parent] if store.remote else []), *folders], unbegun)
    rows = [(name, file.state, file.name, size(file.size), short(file.sha256)) for name, file in found]
    return Result([{"service": name, **msgspec.to_builtins(file)} for name, file in found], columns(rows))


@data.command("list", epilog="Example: towpath data list --json")
@services_argument
@click.pass_obj
def listed(session: Session, services: tuple[str, ...]) -> Result:
    """List the data files of services: whether each is stored, which version counts, and who learnt from another."""
    project = open_here(session)
    found: list[dict[str, Any]] = []
    for name in chosen_services(project, services, every=not services):
        known = project.ledger(name).read()
        version = known.current.number if known.current else 0
        about = {"version": version, "versions": len(known.versions), "stale": behind_of(project, name, known)}
        for source in project.service(name).data.reads.sources:
            there = "stored" if project.objects.has(source.sha256) else "missing"
            found.append({"service": name, "state": there, "name": source.name, "sha256": source.sha256, **about})
    return Result(found, columns(map(line, found)))


def line(file: dict[str, Any]) -> tuple[str, ...]:
    version = f"version {file['version']} of {file['versions']}" if file["version"] else "as declared"
    digest = short(file["sha256"]) or "no sha256"
    return file["service"], file["state"], file["name"], digest, version, "; ".join(file["stale"])


@data.command(epilog="Example: towpath data check bankchurn")
@services_argument
@from_option
@click.pass_obj
def check(session: Session, services: tuple[str, ...], folder: Path | None) -> Result:
    """Ask every quality rule about the data of services, as training does; exit code 1 where one is broken.

    All faults are told at once, each with the number and the name of its rule. Warnings stop nothing.
    """
    from towpath.data.table import read_quality

    project = open_here(session)
    project.make_state()
    found = []
    for name in chosen_services(project, services, every=not services):
        service, folders = project.service(name), project.data_folders(folder)
        require(bring(service.data, project.objects, folders), folders, name)
        session.say(f"{name}: asking the rules")
        found.append((name, read_quality(service, project.objects)))
    broken = [name for name, quality in found if quality.errors]
    refusal = f"the data of {', '.join(broken)} cannot be learnt from" if broken else ""
    text = "\n\n".join(told_quality(name, quality) for name, quality in found)
    result = [{"service": name, **msgspec.to_builtins(quality)} for name, quality in found]
    hint = "; ".join(dict.fromkeys(quality.mend for _, quality in found if quality.errors))
    return Result(result, text, Exit.FAILED if broken else Exit.DONE, refusal, hint)


def told_quality(name: str, quality: DataQuality) -> str:
    rows = [(one.verdict, one.rule, one.name, f"{one.column}: {one.reason}" if one.column else one.reason)
            for one in quality.results]  # fmt: skip
    counts = f"{_count(quality.errors, 'fault')}, {_count(quality.warnings, 'warning')}"
    return f"{name}: {quality.rows} rows, {counts}\n" + columns(rows, "  ")


def _count(found: Sequence[object], what: str) -> str:
    return f"1 {what}" if len(found) == 1 else f"{len(found)} {what}s"
