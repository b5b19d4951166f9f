"""towpath candidate report: the page of one candidate, written when it was trained."""

from pathlib import Path

import click

from towpath.cli.layout import size
from towpath.cli.project import complete_services, open_here
from towpath.cli.session import Result, Session, Verb
from towpath.core.errors import InfrastructureError
from towpath.training.candidate import find_candidate
from towpath.training.report.names import REPORT


@click.command(cls=Verb, epilog="Example: towpath candidate report bankchurn-3 --output churn.html")
@click.argument("name", shell_complete=complete_services)
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Write the page here.")
@click.pass_obj
def report(session: Session, name: str, output: Path | None) -> Result:
    """Show where the report of a candidate is, of a service the newest one's, or write it elsewhere.

    It is one HTML file that needs no network: curves, groups, fairness, errors, examples. It shows rows of the data, so
    it stays with the candidate and is in no bundle.
    """
    candidate, path = find_candidate(open_here(session).candidates, name)
    page = path / REPORT
    if not page.is_file():
        raise InfrastructureError(
            f"{candidate.name} has no {REPORT}; it was trained by another Towpath",
            hint=f"towpath train {candidate.service} --force",
        )
    content = page.read_bytes()
    if output:
        output.write_bytes(content)
    where = (output or page).absolute()
    data = {"candidate": candidate.name, "path": str(where), "bytes": len(content)}
    return Result(data, f"the report of {candidate.name} is {where} ({size(len(content))})")
