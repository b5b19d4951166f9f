"""towpath serve: one worker in this process."""

import click

from towpath.cli.packed import find_bundle
from towpath.cli.project import complete_services, host_option, open_here, port_option
from towpath.cli.session import Result, Session, Verb
from towpath.core.errors import InfrastructureError


@click.command(cls=Verb, epilog="Example: towpath serve iris bankchurn --port 8001")
@click.argument("bundles", nargs=-1, metavar="[BUNDLE|SERVICE]...", shell_complete=complete_services)
@host_option
@port_option
@click.option("--insecure", is_flag=True, help="Listen on an address that others can reach.")
@click.option(
    "--allow-unready", is_flag=True, help="Start without a bundle that cannot be opened, and look for it again."
)
@click.pass_obj
def serve(
    session: Session, bundles: tuple[str, ...], host: str, port: int, insecure: bool, allow_unready: bool
) -> Result:
    """Serve bundles until told to stop: one at the root, several under /SERVICE.

    BUNDLE is what `towpath verify` takes. Without any, every packed service of the project is served.
    """
    paths = [find_bundle(session, named) for named in bundles or packed_services(session)]
    from towpath.serving.worker import run

    session.say(f"serving on {host}, port {port or 'a free one, told below'}; Ctrl-C stops")
    run(paths, host, port, insecure=insecure, allow_unready=allow_unready)
    return Result({"served": [str(path) for path in paths]}, "")


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
