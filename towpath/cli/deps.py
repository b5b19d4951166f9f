"""towpath deps: whether what is installed tomorrow is what is installed today."""

from pathlib import Path

import click
import msgspec

from towpath.cli.session import Noun, Result, Session
from towpath.core.errors import Exit, UsageError
from towpath.shipping.pins import check_pins

USUAL = "requirements/*.txt"


@click.group(cls=Noun)
def deps() -> None:
    """Dependencies: exact and hashed, so that what is installed tomorrow is what is installed today."""


@deps.command(epilog="Example: towpath deps check requirements/serving.txt")
@click.argument("files", nargs=-1, type=click.Path(dir_okay=False, path_type=Path))
@click.pass_obj
def check(session: Session, files: tuple[Path, ...]) -> Result:
    """Name every line that is not one exact, hashed pin; of requirements/*.txt where no file is given."""
    paths = files or tuple(sorted((session.folder or Path()).glob(USUAL)))
    if not paths:
        raise UsageError(f"there is no {USUAL} in {Path.cwd()}", hint="name the files to check")
    session.say(f"checking {', '.join(map(str, paths))}")
    faults = check_pins(paths)
    data = {"files": [str(path) for path in paths], "faults": msgspec.to_builtins(faults)}
    if faults:
        count = "1 line" if len(faults) == 1 else f"{len(faults)} lines"
        return Result(
            data, "\n".join(map(str, faults)), Exit.FAILED, f"{count} may install something else tomorrow", "make pins"
        )
    return Result(data, f"OK every line of {len(paths)} files is pinned and hashed")
