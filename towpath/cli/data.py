"""towpath data: the files that services learn from, each known by its sha256."""

from pathlib import Path
from typing import Any

import click
import msgspec

from towpath.cli.layout import columns, short, size
from towpath.cli.project import chosen_services, from_option, open_here, services_argument
from towpath.cli.session import Noun, Result, Session
from towpath.core.errors import Exit
from towpath.data.pull import pull as bring
from towpath.data.pull import require
from towpath.wiring import Project


@click.group(cls=Noun)
def data() -> None:
    """Data sets: the files that services learn from, each known by its sha256."""


@data.command(epilog="Example: towpath data pull bankchurn --from ~/Downloads")
@services_argument
@from_option
@click.pass_obj
def pull(session: Session, services: tuple[str, ...], folder: Path | None) -> Result:
    """Bring data files into the project's object store; of all services where none is named.

    A file is looked for by name, first in --from, then in TOWPATH_DATA, in the folders of towpath.toml and in the
    project; it is taken only if its sha256 is the declared one.
    """
    project = open_here(session)
    folders = project.data_folders(folder)
    project.make_state()
    found = []
    for name in chosen_services(project, services, every=not services):
        session.say(f"{name}: looking for its data")
        found += [(name, file) for file in bring(project.service(name).data, project.objects, folders)]
    require([file for _, file in found], folders)
    rows = [(name, file.state, file.name, size(file.size), short(file.sha256)) for name, file in found]
    return Result([{"service": name, **msgspec.to_builtins(file)} for name, file in found], columns(rows))


@data.command("list", epilog="Example: towpath data list --json")
@services_argument
@click.pass_obj
def listed(session: Session, services: tuple[str, ...]) -> Result:
    """List the data files of services, and whether each is stored."""
    project = open_here(session)
    found = [{**file, "state": state(project, file["sha256"])} for file in declared_files(project, services)]
    return Result(found, told(found))


@data.command(epilog="Example: towpath data verify bankchurn")
@services_argument
@click.pass_obj
def verify(session: Session, services: tuple[str, ...]) -> Result:
    """Read every stored data file again and compare its sha256; one that was altered refuses, exit code 10."""
    project = open_here(session)
    found = declared_files(project, services)
    for file in found:
        file["state"] = state(project, file["sha256"])
        if file["state"] == "stored":
            session.say(f"{file['service']}: reading {file['name']}")
            project.objects.get(file["sha256"])
            file["state"] = "verified"
    missing = [file["name"] for file in found if file["state"] == "missing"]
    refusal = f"not stored: {', '.join(missing)}" if missing else ""
    code = Exit.INFRASTRUCTURE if missing else Exit.DONE
    return Result(found, told(found), code, refusal, "towpath data pull --from FOLDER" if missing else "")


def declared_files(project: Project, services: tuple[str, ...]) -> list[dict[str, Any]]:
    names = chosen_services(project, services, every=not services)
    return [
        {"service": name, "name": source.name, "sha256": source.sha256}
        for name in names
        for source in project.service(name).data.reads.sources
    ]


def state(project: Project, sha256: str) -> str:
    return "stored" if project.objects.has(sha256) else "missing"


def told(files: list[dict[str, Any]]) -> str:
    return columns((file["service"], file["state"], file["name"], short(file["sha256"])) for file in files)
