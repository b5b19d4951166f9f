"""towpath score: answers for a whole file."""

from contextlib import ExitStack, closing
from datetime import UTC, datetime
from pathlib import Path

import click

from towpath.cli.packed import Proved, find_bundle, prove_bundle
from towpath.cli.project import complete_services
from towpath.cli.scoring.inputs import Input, open_input
from towpath.cli.scoring.outputs import Rejects, open_output, rejects_of, written_whole
from towpath.cli.scoring.progress import progress
from towpath.cli.scoring.run import Scored, lay_out, score_rows
from towpath.cli.session import Result, Session, Verb
from towpath.core.errors import Exit, UsageError

KINDS = ("csv", "jsonl", "parquet")
FILE = click.Path(dir_okay=False, path_type=Path)


def a_probability(context: click.Context, parameter: click.Parameter, given: float | None) -> float | None:
    """Between 0 and 1, where declarations have theirs too; NaN is not."""
    if given is not None and not 0 < given < 1:
        raise click.BadParameter(f"{given:g} is not between 0 and 1", context, parameter)
    return given


@click.command(cls=Verb, epilog="Example: towpath score bankchurn customers.csv answers.parquet")
@click.argument("bundle", metavar="BUNDLE|SERVICE", shell_complete=complete_services)
@click.argument("source", metavar="INPUT", type=FILE)
@click.argument("output", metavar="OUTPUT", type=FILE)
@click.option("--format", "kind", type=click.Choice(KINDS), help="Of both files (default: as each is named).")
@click.option(
    "--threshold",
    type=float,
    callback=a_probability,
    metavar="P",
    help="Decide from P on, in place of the bundle's own.",
)
@click.option("--keep-input", is_flag=True, help="Write the columns of the input too, before the answers.")
@click.option("--only", multiple=True, metavar="ANSWER", help="Write this answer alone; give it once for each.")
@click.pass_obj
def score(
    session: Session,
    bundle: str,
    source: Path,
    output: Path,
    kind: str | None,
    threshold: float | None,
    keep_input: bool,
    only: tuple[str, ...],
) -> Result:
    """Score every row of INPUT and write the answers to OUTPUT: csv, jsonl or parquet, in bounded memory.

    OUTPUT has the record's ids and one column for each answer. Rows that break the contract go to
    OUTPUT.rejected.jsonl with their number and all faults, and the exit code is 1. OUTPUT appears when all is done.
    """
    reads, writes = kind or kind_of(source), kind or kind_of(output)
    check_places(source, output)
    with closing(open_input(source, reads)) as file:
        try:
            home = find_bundle(session, bundle)
            session.say(f"opening {home}")
            proved = prove_bundle(home, threshold)
            return score_file(session, proved, file, source, output, writes, keep_input, only)
        except KeyboardInterrupt:
            session.say(f"interrupted: {output} is not written")
            raise


def check_places(source: Path, output: Path) -> None:
    """Raises UsageError where the input, or what is no file, would be replaced by the answers or by rejected rows."""
    for written in (output, rejects_of(output)):
        if written.exists() and not written.is_file():
            raise UsageError(f"{written} is no file that could be replaced", hint="write to another file")
        if written.exists() and source.exists() and written.samefile(source):
            what = (
                "both input and output" if written == output else f"the input; rejected rows of {output} would go there"
            )
            raise UsageError(f"{source} is {what}", hint="write to another file")


def score_file(
    session: Session, proved: Proved, file: Input, source: Path, output: Path, kind: str, keep_input: bool,
    only: tuple[str, ...],
) -> Result:  # fmt: skip
    from towpath.engine.answers import Said

    contract = proved.bundle.contract
    layout = lay_out(contract, file, keep_input, only)
    said = Said(proved.bundle.name, f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}")
    rejects = Rejects(output)
    session.say(f"scoring {source}")
    with ExitStack() as stack:
        beside = stack.enter_context(written_whole(output))
        stack.enter_context(rejects.kept())
        sink = stack.enter_context(closing(open_output(beside, kind, contract, layout.names)))
        update = stack.enter_context(progress(session, f"scoring {source.name}"))
        scored = score_rows(proved.engine, said, file, layout, sink, rejects, update)
    return told(scored, proved, output, rejects.path)


def told(scored: Scored, proved: Proved, output: Path, rejected: Path) -> Result:
    bundle, threshold, own = proved.bundle.name, proved.engine.settings.threshold, proved.bundle.settings.threshold
    data = {"bundle": bundle, "output": str(output), "answered": scored.answered, "rejected": scored.rejected}
    text = f"{scored.answered:,} rows answered by {bundle} in {output}"
    if proved.bundle.contract.task.kind == "binary":
        data["threshold"] = threshold
        text += f", deciding from {threshold:g} on and not from its own {own:g}" if threshold != own else ""
    if not scored.rejected:
        return Result(data, text)
    rows = "1 row breaks" if scored.rejected == 1 else f"{scored.rejected:,} rows break"
    refusal = f"{rows} the contract and stand with all faults in {rejected}"
    return Result(data | {"rejected_rows": str(rejected)}, text, Exit.FAILED, refusal)


def kind_of(path: Path) -> str:
    """Raises UsageError for a name that does not tell."""
    kind = path.suffix.lower().lstrip(".")
    if kind not in KINDS:
        raise UsageError(
            f"{path.name} does not say what it is",
            hint=f"end it in {', '.join(f'.{one}' for one in KINDS)}, or say --format",
        )
    return kind
