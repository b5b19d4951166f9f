"""towpath candidate track: send to the tracking server what it has not got yet."""

import click

from towpath.cli.project import open_here
from towpath.cli.session import Result, Session, Verb
from towpath.core.errors import Exit, UsageError
from towpath.wiring import Project

PATIENCE = 120.0  # seconds; here somebody asked for it and waits


@click.command(cls=Verb, epilog="Example: towpath candidate track")
@click.option("--all", "every", is_flag=True, help="Send every candidate, also those from before there was a server.")
@click.pass_obj
def track(session: Session, every: bool) -> Result:
    """Send runs and packed bundles to the MLflow server that have not reached it yet. What is there stays as it is."""
    project = open_here(session)
    outbox = project.outbox()
    if outbox.tracker is None:
        raise UsageError(
            f"{project.settings.name} has no tracking server",
            hint='write mlflow = "http://127.0.0.1:5000" under [tracking] in towpath.toml, or set TOWPATH_TRACKING_URL',
        )
    if every:
        put_all(project)
    count = len(outbox.waiting())
    outbox.patience = PATIENCE
    session.say(f"sending {count} to {outbox.where}")
    delivered = outbox.deliver()
    lines = [*(f"sent {one}" for one in delivered.sent), *delivered.aside]
    text = "\n".join(lines) or "nothing waits to be sent"
    data = {"where": outbox.where, "sent": list(delivered.sent), "aside": list(delivered.aside),
            "waiting": delivered.waiting}  # fmt: skip
    if not delivered.reason:
        return Result(data, text)
    hint = "see that the server runs and can be reached from here; nothing is lost meanwhile"
    refusal = f"{outbox.where} {delivered.reason}; {delivered.waiting} of {count} still to be sent"
    return Result(data, text if lines else "", Exit.INFRASTRUCTURE, refusal, hint)


def put_all(project: Project) -> None:
    """Every candidate that was tracked locally; the server is not told twice of what it has."""
    from towpath.training.tracking import RUN, Waiting

    outbox = project.outbox()
    folders = [path.parent for path in project.candidates.glob(f"*/*/{RUN}")]
    for folder in sorted(folders, key=lambda folder: (folder.parent.name, int(folder.name))):
        outbox.put(Waiting("run", f"{folder.parent.name}-{folder.name}", str(folder)))
