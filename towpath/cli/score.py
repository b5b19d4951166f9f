"""towpath score: answers for a whole file."""

from contextlib import ExitStack, closing
from datetime import UTC, datetime
from pathlib import Path

import click

from towpath.cli.packed import find_bundle, prove_bundle
from towpath.cli.project import complete_services
from towpath.cli.scoring.inputs import Input, open_input
from towpath.cli.scoring.outputs import Rejects, open_output, written_whole
from towpath.cli.scoring.progress import progress
from towpath.cli.scoring.run import Scored, lay_out, score_rows
from towpath.cli.session import Result, Session, Verb
from towpath.core.errors import Exit, UsageError

KINDS = ("csv", "jsonl", "parquet")
FILE = click.Path(dir_okay=False, path_type=Path)


@click.command(cls=Verb, epilog="Example: towpath score bankchurn customers.csv answers.parquet")
@click.argument("bundle", metavar="BUNDLE|SERVICE", shell_complete=complete_services)
@click.argument("source", metavar="INPUT", type=FILE)
@click.argument("output", metavar="OUTPUT", type=FILE)
@click.option("--format", "kind", type=click.Choice(KINDS), help="Of both files (default: as each is named).")
@click.option("--keep-input", is_flag=True, help="Write the columns of the input too, before the answers.")
@click.pass_obj
def score(session: Session, bundle: str, source: Path, output: Path, kind: str | None, keep_input: bool) -> Result:
    """Score every row of INPUT and write the answers to OUTPUT: csv, jsonl or parquet, in bounded memory.

    OUTPUT has the record's ids and one column for each answer. Rows that break the contract go to
    OUTPUT.rejected.jsonl with their number and all faults, and the exit code is 1. OUTPUT appears when all is done.
    """
    reads, writes = kind or kind_of(source), kind or kind_of(output)
    if source.resolve() == output.resolve():
        raise UsageError(f"{source} is both input and output", hint="write to another file")
    if output.exists() and not output.is_file():
        raise UsageError(f"{output} is no file that could be replaced", hint="write to another file")
    with closing(open_input(source, reads)) as file:
        try:
            return score_file(session, find_bundle(session, bundle), file, source, output, writes, keep_input)
        except KeyboardInterrupt:
            session.say(f"interrupted: {output} is not written")
            raise


def score_file(
    session: Session, home: Path, file: Input, source: Path, output: Path, kind: str, keep_input: bool
) -> Result:
    from towpath.engine.answers import Said

    session.say(f"opening {home}")
    proved = prove_bundle(home)
    contract = proved.bundle.contract
    layout = lay_out(contract, file, keep_input)
    said = Said(proved.bundle.name, f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}")
    rejects = Rejects(output)
    session.say(f"scoring {source}")
    with ExitStack() as stack:
        beside = stack.enter_context(written_whole(output))
        stack.enter_context(rejects.kept())
        sink = stack.enter_context(closing(open_output(beside, kind, contract, layout.names)))
        update = stack.enter_context(progress(session, f"scoring {source.name}"))
        scored = score_rows(proved.engine, said, file, layout, sink, rejects, update)
    return told(scored, proved.bundle.name, output, rejects.path)


def told(scored: Scored, bundle: str, output: Path, rejected: Path) -> Result:
    data = {"bundle": bundle, "output": str(output), "answered": scored.answered, "rejected": scored.rejected}
    text = f"{scored.answered:,} rows answered by {bundle} in {output}"
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
