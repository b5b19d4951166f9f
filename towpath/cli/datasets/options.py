"""The data set that a command is about, and the options that several of the commands take."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from towpath.cli.project import complete_services
from towpath.core.errors import InfrastructureError
from towpath.data.objects import ObjectStore
from towpath.data.versions import DataHome
from towpath.wiring import Project

F = TypeVar("F", bound=Callable[..., Any])
FOLDER = click.Path(file_okay=False, path_type=Path)


def service_argument(function: F) -> F:
    return click.argument("service", shell_complete=complete_services)(function)


def from_place_option(function: F) -> F:
    about = "The new file, or the folder that it is in (default: as `data pull` looks for it)."
    kind = click.Path(exists=True, path_type=Path)
    return click.option("--from", "place", type=kind, metavar="FILE|DIR", help=about)(function)


def remote_option(function: F) -> F:
    about = "The folder that data is shared through (default: TOWPATH_REMOTE, then `remote` in towpath.toml)."
    return click.option("--remote", type=FOLDER, metavar="DIR", help=about)(function)


def data_home(project: Project, name: str, folder: Path | None = None, remote: Path | None = None) -> DataHome:
    """A service's data as its service.py declares it, with its history; a remote that is named must be there."""
    if remote is not None and not remote.is_dir():
        raise InfrastructureError(f"there is no folder {remote}", hint=f"mount it, or make it: mkdir -p {remote}")
    store = ObjectStore(project.state / "objects", project.remote(remote))
    declared = project.declared(name)
    project.make_state()
    return DataHome(declared, project.ledger(name), store, project.data_folders(folder))
