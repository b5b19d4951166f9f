"""towpath bundle diff: what a client would notice between two bundles, and the version step that it asks for."""

from typing import TYPE_CHECKING, Any

import click
import msgspec

from towpath.cli.layout import columns
from towpath.cli.project import complete_services, open_here
from towpath.cli.session import Result, Session, Verb
from towpath.core.errors import TowpathError, UsageError

if TYPE_CHECKING:
    from towpath.training.contender import Contender
    from towpath.training.differ import Difference


@click.command(cls=Verb, epilog="Example: towpath bundle diff 5793faf16289 bankchurn")
@click.argument("old", shell_complete=complete_services)
@click.argument("new", shell_complete=complete_services)
@click.pass_obj
def diff(session: Session, old: str, new: str) -> Result:
    """Say what a client would notice between two bundles or candidates, and the smallest step of a version.

    A change of the contract that breaks something asks for a major version, one that adds something for a minor one.
    Then both answer the held-out sample of the new one: decisions or scores that move beyond the tolerance ask for a
    minor version, else a patch will do.
    """
    from towpath.cli.compare import find_contender
    from towpath.training.differ import differ
    from towpath.training.same_rows import held_out_sample

    project = open_here(session)
    before, after = (find_contender(project, session, one)[0] for one in (old, new))
    if before.contract.service != after.contract.service:
        services = f"{before.contract.service} and {after.contract.service}"
        raise UsageError(f"these are bundles of two services, {services}", hint="compare two of one service")
    try:
        rows: Any = held_out_sample(project.objects, after)
    except TowpathError as error:
        rows = str(error)
    return told(before, after, differ(before, after, rows))


def told(old: "Contender", new: "Contender", found: "Difference") -> Result:
    rows = [(change.kind, change.path, change.words) for change in found.contract]
    answers = str(found.behaviour) if found.behaviour else found.unasked
    others = [("threshold", f"{old.engine.settings.threshold:.4f} -> {new.engine.settings.threshold:.4f}"),
              ("data", "the same" if old.lineage.sources == new.lineage.sources else "other files")]  # fmt: skip
    text = "\n".join(
        [
            f"{found.step}: {found.why}",
            columns([("from", old.name), ("to", new.name)], "  "),
            "contract" if rows else "contract: the same",
            *([columns(rows, "  ")] if rows else []),
            f"answers: {answers}",
            columns(others, "  "),
        ]
    )
    return Result({"old": old.bundle, "new": new.bundle, **msgspec.to_builtins(found)}, text)
