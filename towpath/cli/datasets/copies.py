"""towpath data push, verify, restore: whole copies of data files, here and in a folder that is shared."""

from pathlib import Path
from typing import Any

import click
import msgspec

from towpath.cli.author import act
from towpath.cli.datasets.options import data_home, remote_option, service_argument
from towpath.cli.layout import columns, short
from towpath.cli.project import chosen_services, from_option, open_here, services_argument
from towpath.cli.session import Result, Session, Verb
from towpath.core.errors import Exit, TowpathError, UsageError
from towpath.data import remote as copies
from towpath.data.objects import ObjectStore
from towpath.data.remote import Copy, files_of
from towpath.data.versions import Act, DataHome


@click.command(cls=Verb, epilog="Example: towpath data push bankchurn --remote /srv/towpath")
@services_argument
@remote_option
@click.pass_obj
def push(session: Session, services: tuple[str, ...], remote: Path | None) -> Result:
    """Copy every version that is stored here into the shared folder; of all services where none is named.

    Each file is read again on both ends. What is there already, and whole, is not copied; what is there and damaged is
    replaced.
    """
    project = open_here(session)
    to = project.remote(remote)
    if to is None:
        raise UsageError("no remote is named", hint='--remote DIR, or remote = "DIR" in towpath.toml')
    found: list[tuple[str, Copy]] = []
    for name in chosen_services(project, services, every=not services):
        home = data_home(project, name)
        session.say(f"{name}: copying to {to}")
        files = files_of(home.service.data, home.ledger.read())
        found += [(name, one) for one in copies.push(files, home.store, ObjectStore(to))]
    missing = [one.name for _, one in found if one.state == "missing"]
    return told(
        found, Exit.INFRASTRUCTURE if missing else Exit.DONE, missing, "neither here nor there", "towpath data pull"
    )


@click.command(cls=Verb, epilog="Example: towpath data verify bankchurn")
@services_argument
@click.pass_obj
def verify(session: Session, services: tuple[str, ...]) -> Result:
    """Read every stored data file again, of all versions, and compare its sha256.

    One that was altered refuses, exit code 10, and is kept in the history of the data. That it is whole again is too.
    """
    project = open_here(session)
    found: list[tuple[str, Copy]] = []
    for name in chosen_services(project, services, every=not services):
        home = data_home(project, name)
        session.say(f"{name}: reading its data")
        checked = copies.verify(files_of(home.service.data, home.ledger.read()), home.store)
        keep(home, checked, act(project.root), session)
        found += [(name, one) for one in checked]
    damaged = [one.said for _, one in found if one.state == "damaged"]
    # Of other versions a machine need not have the bytes.
    missing = [one.name for _, one in found if one.state == "missing" and one.current]
    if damaged:
        name = next(name for name, one in found if one.state == "damaged")
        return told(found, Exit.REFUSED, damaged, "", f"towpath data restore {name}")
    return told(
        found, Exit.INFRASTRUCTURE if missing else Exit.DONE, missing, "not stored", "towpath data pull --from FOLDER"
    )


@click.command(cls=Verb, epilog='Example: towpath data restore bankchurn --remote /srv/towpath --reason "bad disk"')
@service_argument
@click.option("--reason", metavar="TEXT", help="What happened; kept in the history.")
@remote_option
@from_option
@click.pass_obj
def restore(session: Session, service: str, reason: str | None, remote: Path | None, folder: Path | None) -> Result:
    """Put whole copies in the place of damaged or missing data files, then read everything again.

    A copy comes from the shared folder, or by name from the folders where `data pull` looks; only its sha256 counts.
    The history keeps what was damaged, what was restored, when and by whom.
    """
    project = open_here(session)
    home = data_home(project, service, folder, remote)
    files = files_of(home.service.data, home.ledger.read())
    who = act(project.root, reason)
    keep(home, copies.verify(files, home.store), who, session)
    session.say(f"{service}: looking for whole copies")
    found = copies.restore(files, home.store, home.folders)
    keep(home, found, who, session)
    lost = [f"{one.name} sha256 {one.sha256}" for one in found if one.state in ("damaged", "missing")]
    code = Exit.REFUSED if any(one.state == "damaged" for one in found) else Exit.INFRASTRUCTURE
    rows = [(service, one) for one in found]
    return told(rows, code if lost else Exit.DONE, lost, "there is no whole copy of", "--remote DIR or --from DIR")


def keep(home: DataHome, found: list[Copy], who: Act, session: Session) -> None:
    """Into the history. Where that cannot be written the finding still counts, and is told."""
    try:
        copies.record(home.ledger, found, who)
    except TowpathError as error:
        session.say(f"warning: the history does not say so: {error}")


def told(found: list[tuple[str, Copy]], code: Exit, wrong: list[str], what: str, hint: str) -> Result:
    rows = [
        (name, one.state, one.name, short(one.sha256), f"version {one.version}" if one.version else "", one.said)
        for name, one in found
    ]
    refusal = (f"{what}: " if what else "") + ", ".join(wrong) if wrong else ""
    return Result([as_data(name, one) for name, one in found], columns(rows), code, refusal, hint if wrong else "")


def as_data(name: str, one: Copy) -> dict[str, Any]:
    return {"service": name, **msgspec.to_builtins(one)}
