"""towpath data import-dvc, export-dvc: versions taken from a team that uses DVC, and given to one."""

from pathlib import Path

import click

from towpath.cli.author import act
from towpath.cli.datasets.options import FOLDER, data_home, service_argument
from towpath.cli.datasets.versions import file_rows, told_added
from towpath.cli.layout import columns
from towpath.cli.project import open_here
from towpath.cli.session import Result, Session, Verb
from towpath.core.dataset import DataFile
from towpath.core.errors import InfrastructureError, UsageError
from towpath.data.dvc import DvcRemote, find_files, read_pointer, write_pointers
from towpath.data.versions import bring

POINTER = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command(
    "import-dvc", cls=Verb, epilog="Example: towpath data import-dvc bankchurn Churn.csv.dvc --remote /srv/dvc"
)
@service_argument
@click.argument("pointer", metavar="FILE.dvc", type=POINTER)
@click.option("--remote", type=FOLDER, metavar="DIR", required=True, help="The DVC remote, a folder; or a .dvc/cache.")
@click.option("--message", metavar="TEXT", help="Why, or what is in it; kept in the history.")
@click.pass_obj
def import_dvc(session: Session, service: str, pointer: Path, remote: Path, message: str | None) -> Result:
    """Record what a .dvc file points to as the next version of a service's data, as `data add` does.

    The bytes are read from the DVC remote and compared by their md5. DVC itself is not needed.
    """
    project = open_here(session)
    home = data_home(project, service)
    names = [source.name for source in home.service.data.reads.sources]
    session.say(f"{service}: reading what {pointer} points to")
    found = find_files(read_pointer(pointer), existing(remote), names)
    from towpath.data.adding import add

    return told_added(project, service, add(home, found, act(project.root, message or f"from {pointer.name}")))


@click.command("export-dvc", cls=Verb, epilog="Example: towpath data export-dvc bankchurn --remote /srv/dvc")
@service_argument
@click.option("--remote", type=FOLDER, metavar="DIR", required=True, help="The DVC remote, a folder.")
@click.option("--version", "number", type=click.IntRange(1), metavar="N", help="Default: the one that counts.")
@click.option("--output", type=FOLDER, metavar="DIR", help="Write the .dvc files here (default: the project's folder).")
@click.pass_obj
def export_dvc(session: Session, service: str, remote: Path, number: int | None, output: Path | None) -> Result:
    """Copy a version into a DVC remote and write the .dvc files that point to it; `dvc pull` takes it from there."""
    project = open_here(session)
    home = data_home(project, service)
    history = home.ledger.read()
    version = history.version(number) if number else history.current
    if version is None:
        raise UsageError(f"{service} data has no version yet", hint=f"towpath data add {service} --from FILE")
    # Names come from the declaration: a history may have been written by anybody.
    files = [DataFile(file.name, file.size, file.sha256, 0) for file in bring(home, version)]
    session.say(f"{service}: copying version {version.number} to {remote}")
    written = write_pointers(files, home.store, existing(remote), output or project.root)
    rows = [*file_rows(version.files), *(("pointer", path) for path in written), ("next", "dvc pull")]
    text = f"{service} data version {version.number} is in the DVC remote {remote}\n" + columns(rows, "  ")
    return Result({"service": service, "version": version.number, "pointers": [str(path) for path in written]}, text)


def existing(folder: Path) -> DvcRemote:
    if not folder.is_dir():
        raise InfrastructureError(f"there is no folder {folder}", hint=f"mount it, or make it: mkdir -p {folder}")
    return DvcRemote(folder)
