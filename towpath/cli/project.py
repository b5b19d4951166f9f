"""The project that a command works on, and the arguments and options that several commands take."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from towpath.cli.session import Session
from towpath.core.errors import TowpathError, UsageError
from towpath.wiring import Project, find_project

F = TypeVar("F", bound=Callable[..., Any])

HOST = "127.0.0.1"
PORT = 8080
PORT_NAMES = ["TOWPATH_PORT", "PORT"]  # the second is what platforms such as Cloud Run set


def open_here(session: Session) -> Project:
    """The project of --project, or else of this folder, or the nearest above. Raises UsageError."""
    return find_project(session.folder or Path.cwd(), os.environ)


def chosen_services(project: Project, named: tuple[str, ...], every: bool) -> list[str]:
    """The services that are named, each once, or all. Raises UsageError where neither is asked for."""
    known = list(project.service_folders())
    if every and named:
        raise UsageError("either services are named or --all is given, not both")
    if not every and not named:
        raise UsageError(
            "no service is named", hint=f"name one of {', '.join(known)}, or --all" if known else "towpath new SERVICE"
        )
    if every and not known:
        raise UsageError(f"{project.settings.name} has no services yet", hint="towpath new SERVICE")
    return known if every else list(dict.fromkeys(named))


def complete_services(context: click.Context, parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """The services that begin so, for the shell; none where there is no project to ask."""
    try:
        names = open_here(context.find_object(Session) or Session()).service_folders()
    except TowpathError:
        return []
    return [CompletionItem(name) for name in names if name.startswith(begun)]


def services_argument(function: F) -> F:
    return click.argument("services", nargs=-1, metavar="[SERVICE]...", shell_complete=complete_services)(function)


def bundle_argument(function: F) -> F:
    return click.argument("bundle", shell_complete=complete_services)(function)


def from_option(function: F) -> F:
    about = "Look for data files in this folder first."
    kind = click.Path(exists=True, file_okay=False, path_type=Path)
    return click.option("--from", "folder", type=kind, metavar="DIR", help=about)(function)


def seed_option(function: F) -> F:
    about = "Seed of everything that is drawn (default: TOWPATH_SEED, then 42)."
    return click.option("--seed", type=int, metavar="N", help=about)(function)


def host_option(function: F) -> F:
    return click.option("--host", default=HOST, show_default=True, help="Address to listen on.")(function)


def port_option(function: F) -> F:
    kind = click.IntRange(0, 65535)
    about = "Port to listen on, 0 for a free one (default: TOWPATH_PORT, then PORT, then 8080)."
    return click.option("--port", type=kind, default=PORT, envvar=PORT_NAMES, metavar="PORT", help=about)(function)
