"""towpath serve: one worker in this process, or several under a supervisor."""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
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
@click.argument(
    "bundles",
    nargs=-1,
    type=click.Path(),  # which TOWPATH_BUNDLES is split for, as PATH is
    envvar="TOWPATH_BUNDLES",
    metavar="[BUNDLE|SERVICE]...",
    shell_complete=complete_services,
)
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

    BUNDLE is what `towpath verify` takes. Without any, TOWPATH_BUNDLES names them; without that --routes does, and
    without either every packed service of the project is served.
    """
    table = settings_here(session)
    asked = read_options(flags, os.environ, table)
    paths = [find_bundle(session, named) for named in bundles or ([] if asked.routes else packed_services(session))]
    session.say(f"serving on {host}, port {port or 'a free one, told below'}; Ctrl-C stops")
    if asked.workers:
        from towpath.serving.supervising.plan import Plan
        from towpath.serving.supervisor import supervise

        command = worker_command(paths, insecure, allow_unready, flags)
        protected = insecure or asked.access.protects
        supervise(Plan(command, host, port, asked.workers, asked.start_seconds, protected, table, asked.metrics_port))
    else:
        from towpath.serving.worker import run

        run(paths, host, port, insecure=insecure, allow_unready=allow_unready, asked=asked)
    return Result({"served": [str(path) for path in paths]}, "")


def worker_command(paths: Sequence[Path], insecure: bool, allow_unready: bool, flags: Mapping[str, Any]) -> list[str]:
    """What starts one worker of several: what was found here as it is, and no setting twice."""
    given = [option for option in OPTIONS if flags.get(option.name)]
    said = [
        word
        for option in given
        for value in (flags[option.name] if option.many else [flags[option.name]])
        for word in (option.flag, str(value))
    ]
    switches = {"--insecure": insecure, "--allow-unready": allow_unready}
    bundles = [str(path.absolute()) for path in paths]
    return [sys.executable, "-m", "towpath.serving", *bundles, *said, *(name for name, on in switches.items() if on)]


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
    return {name: _from(project.root, value) if name in paths else value for name, value in written.items()}


def _from(root: Path, value: Any) -> Any:
    """A path, or each of several, from there; what is none is told by whoever reads the settings."""
    if isinstance(value, list):
        return [_from(root, one) for one in value]
    return str(root / value) if isinstance(value, str) else value


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
