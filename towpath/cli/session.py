"""What all commands share: the options that hold everywhere, what is said meanwhile, the result that is handed back."""

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import click

from towpath.core.errors import Exit


@dataclass
class Session:
    """One call of the command line. `folder` is where the project is looked for, instead of here."""

    json: bool = False
    quiet: bool = False
    debug: bool = False
    folder: Path | None = None

    def say(self, text: str) -> None:
        """Progress: what is being done, in the present tense, on stderr."""
        if not self.quiet:
            write(text, sys.stderr)


@dataclass(frozen=True)
class Result:
    """What a command found or made: `data` for machines, `text` for people.

    A verdict that goes against what was asked has an exit code of its own and says why in `refusal`.
    """

    data: Any
    text: str
    exit_code: Exit = Exit.DONE
    refusal: str = ""
    hint: str = ""


class Verb(click.Command):
    """A command with the options that hold everywhere."""

    def __init__(self, *args: Any, **settings: Any):
        super().__init__(*args, **settings)
        self.params += everywhere()

    def get_help_option(self, ctx: click.Context) -> click.Option | None:
        option = super().get_help_option(ctx)
        if option:
            option.callback = tell_help
        return option


class Noun(Verb, click.Group):
    """Several commands about one thing."""

    command_class = Verb


def tell_help(context: click.Context, _: click.Parameter, asked: bool) -> None:
    """As click does, but for a reader that may go away."""
    if asked and not context.resilient_parsing:
        write(context.get_help(), sys.stdout)
        context.exit()


def everywhere() -> list[click.Parameter]:
    """The options that are taken before and after any verb."""
    return [
        _option("--json", "json", "Print one JSON envelope on stdout, for failures too.", is_flag=True),
        _option("--quiet", "quiet", "Say nothing while working.", is_flag=True),
        _option("--debug", "debug", "Show the traceback of a failure.", is_flag=True),
        _option("--project", "folder", "The project's folder (default: here or above).", type=_FOLDER, metavar="DIR"),
    ]


def write(text: str, stream: TextIO) -> None:
    """Write a line. A reader that has gone away, as `head` does, changes nothing: the work is still done."""
    try:
        stream.write(text + "\n")
        stream.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def is_fancy(stream: TextIO) -> bool:
    """Whether colour and moving bars are welcome: on a terminal whose owner does not say NO_COLOR."""
    return stream.isatty() and "NO_COLOR" not in os.environ


_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


def _option(flag: str, attribute: str, about: str, **settings: Any) -> click.Option:
    return click.Option([flag], expose_value=False, callback=_keep(attribute), help=about, **settings)


def _keep(attribute: str) -> Callable[[click.Context, click.Parameter, Any], None]:
    def keep(context: click.Context, _: click.Parameter, value: Any) -> None:
        if value:
            setattr(context.find_object(Session), attribute, value)

    return keep


def joined(results: Sequence[Result]) -> Result:
    """Several results as one."""
    return Result([result.data for result in results], "\n\n".join(result.text for result in results))
