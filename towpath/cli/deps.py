"""towpath deps: whether what is installed tomorrow is what is installed today."""

import sys
from collections.abc import Sequence
from pathlib import Path

import click
import msgspec

from towpath.cli.layout import columns
from towpath.cli.session import Noun, Result, Session
from towpath.core.errors import Exit, UsageError
from towpath.shipping.environments import (
    Comparison,
    Environment,
    compare,
    installed_here,
    read_environment,
    read_freeze,
)
from towpath.shipping.pins import check_pins

USUAL = "requirements/*.txt"
HERE, STDIN = "here", "-"
FILE = click.Path(dir_okay=False, path_type=Path)


@click.group(cls=Noun)
def deps() -> None:
    """Dependencies: exact and hashed, so that what is installed tomorrow is what is installed today."""


@deps.command(epilog="Example: towpath deps check requirements/serving.txt")
@click.argument("files", nargs=-1, type=FILE)
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


@deps.command(epilog="Example: towpath deps diff here ci.txt production.txt --only requirements/serving.txt")
@click.argument("places", nargs=-1, metavar="PLACE PLACE [PLACE]...")
@click.option("--only", type=FILE, metavar="PINS", help="Look at the packages that this file pins, and at no others.")
@click.pass_obj
def diff(session: Session, places: tuple[str, ...], only: Path | None) -> Result:
    """Name every package that is not the same everywhere, with its version in each place; exit code 1 if there is one.

    A PLACE is a file that `pip freeze` wrote, a file of pins such as requirements/serving.txt, `here` for the
    environment that this command runs in, or `-` for what `pip freeze` prints into a pipe.
    """
    if len(set(places)) < max(2, len(places)):
        raise UsageError("at least two different places are needed", hint="pip freeze | towpath deps diff here -")
    session.say(f"comparing {listed(places)}")
    environments = [read_place(place) for place in places]
    packages = read_environment(only, str(only)).packages if only else None
    return told(places, compare(environments, packages))


def read_place(place: str) -> Environment:
    if place == HERE:
        return installed_here(HERE)
    if place == STDIN:
        return read_freeze(sys.stdin.read(), STDIN)
    return read_environment(Path(place), place)


def told(places: Sequence[str], found: Comparison) -> Result:
    data = {"places": places, **msgspec.to_builtins(found)}
    if not found.differences:
        return Result(data, f"OK {counted(found.same)} the same in {listed(places)}")
    table = columns([("package", *places), *((one.package, *one.versions.values()) for one in found.differences)])
    refusal = f"{counted(len(found.differences))} not the same everywhere, {found.same} are"
    hint = "install each place from the same pins: pip install --require-hashes -r FILE"
    return Result(data, table, Exit.FAILED, refusal, hint)


def counted(packages: int) -> str:
    return "1 package is" if packages == 1 else f"{packages} packages are"


def listed(names: Sequence[str]) -> str:
    return ", ".join(names[:-1]) + f" and {names[-1]}"
