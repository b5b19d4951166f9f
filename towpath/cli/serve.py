"""towpath serve: one worker in this process."""

import os
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from towpath.cli.packed import find_bundle
from towpath.cli.project import complete_services, host_option, open_here, port_option
from towpath.cli.session import Result, Session, Verb
from towpath.core.errors import InfrastructureError
from towpath.serving.options import OPTIONS, read_options
from towpath.wiring import NoProject

F = TypeVar("F", bound=Callable[..., Any])


def worker_options(function: F) -> F:
    """What every worker can be asked for, whichever way it is started."""
    for option in reversed(OPTIONS):
        about = f"{option.about.rstrip('.')} ({option.variable})."
        made = click.option(option.flag, option.name, metavar=option.metavar, multiple=option.many, help=about)
        function = made(function)
    return function


@click.command(cls=Verb, epilog="Example: towpath serve iris bankchurn --port 8001")
@click.argument("bundles", nargs=-1, metavar="[BUNDLE|SERVICE]...", shell_complete=complete_services)
@host_option
@port_option
@click.option("--insecure", is_flag=True, help="Listen on an address that others can reach.")
@click.option(
    "--allow-unready", is_flag=True, help="Start without a bundle that cannot be opened, and look for it again."
)
@worker_options
@click.pass_obj
def serve(
    session: Session,
    /,
    bundles: tuple[str, ...],
    host: str,
    port: int,
    insecure: bool,
    allow_unready: bool,
    **flags: Any,
) -> Result:
    """Serve bundles until told to stop: one at the root, several under /SERVICE.

    BUNDLE is what `towpath verify` takes. Without any, every packed service of the project is served.
    """
    paths = [find_bundle(session, named) for named in bundles or packed_services(session)]
    from towpath.serving.worker import run

    asked = read_options(flags, os.environ, settings_here(session))
    session.say(f"serving on {host}, port {port or 'a free one, told below'}; Ctrl-C stops")
    run(paths, host, port, insecure=insecure, allow_unready=allow_unready, asked=asked)
    return Result({"served": [str(path) for path in paths]}, "")


def settings_here(session: Session) -> Mapping[str, Any]:
    """[serve] of the project's towpath.toml, its paths from there; a bundle can be served without any project."""
    try:
        project = open_here(session)
    except NoProject:
        if session.folder:
            raise
        return {}
    paths = {option.name for option in OPTIONS if option.metavar in ("DIR", "FILE")}
    written = project.settings.serve
    return {
        name: str(project.root / value) if name in paths and isinstance(value, str) else value
        for name, value in written.items()
    }


def packed_services(session: Session) -> list[str]:
    """The services of the project that have a bundle. Raises InfrastructureError where none has."""
    project = open_here(session)
    found = [name for name in project.service_folders() if any((project.bundles / name).glob("[0-9a-f]*"))]
    if not found:
        raise InfrastructureError(
            f"no service of {project.settings.name} is packed; bundles would be in {project.bundles}",
            hint="towpath train --all, then towpath pack SERVICE",
        )
    return found
