"""The door: runs one command, prints its result or its failure, and gives the exit code."""

import os
import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import click

from towpath.cli.commands import towpath
from towpath.cli.session import Result, Session, is_fancy, write
from towpath.core.errors import Exit, Faulty, TowpathError

NAME = "towpath"
COMPLETE = "_TOWPATH_COMPLETE"  # what click's completion scripts set
EXTRAS = dict.fromkeys(("sklearn", "pandas", "pyarrow", "onnx", "skl2onnx", "scipy", "threadpoolctl"), "training")
EXTRAS |= {"yaml": "training", "rich": "control", "optuna": "tuning", "mlflow": "tracking"}
EXTRAS |= {"xgboost": "boosting", "lightgbm": "boosting"}


@dataclass(frozen=True)
class Failure:
    """Why a command did not do what was asked, in the words of the envelope."""

    code: str
    message: str
    hint: str
    exit_code: int
    data: Any = None


def run(words: Sequence[str]) -> int:
    """Run one command line and return its exit code; nothing leaves this function but that."""
    if instruction := os.environ.get(COMPLETE):
        from click.shell_completion import shell_complete

        return shell_complete(towpath, {"obj": Session()}, NAME, COMPLETE, instruction)
    # Looked for here too, since a command line that cannot be parsed tells its fault in the same way.
    session = Session(json="--json" in words, debug="--debug" in words)
    try:
        return tell(carry_out(list(words) or ["--help"], session), session)
    except click.exceptions.Exit as done:  # --help
        return done.exit_code
    except (KeyboardInterrupt, click.Abort) as error:
        return tell_failure(Failure("interrupted", "interrupted", "", Exit.INTERRUPTED), error, session)
    except Exception as error:  # the door: whatever comes is told in a sentence
        return tell_failure(explain(error), error, session)


def carry_out(words: list[str], session: Session) -> Result:
    with towpath.make_context(NAME, words, obj=session) as context:
        result: Result = towpath.invoke(context)
        return result


def tell(result: Result, session: Session) -> int:
    """Print a result on stdout, and on stderr why it is none where the verdict is against what was asked."""
    refused = Failure("failed", result.refusal, result.hint, result.exit_code, result.data) if result.refusal else None
    if session.json:
        write(envelope(result.data, refused), sys.stdout)
        return result.exit_code
    if result.text:
        write(result.text, sys.stdout)
    if refused:
        write(sentence(refused), sys.stderr)
    return result.exit_code


def tell_failure(failure: Failure, error: BaseException, session: Session) -> int:
    if session.debug:
        write("".join(traceback.format_exception(error)).rstrip(), sys.stderr)
    if session.json:
        write(envelope(failure.data, failure), sys.stdout)
    else:
        write(sentence(failure), sys.stderr)
    return failure.exit_code


def sentence(failure: Failure) -> str:
    """For people: what is wrong, and what to try."""
    name = click.style(f"{NAME}:", fg="red", bold=True) if is_fancy(sys.stderr) else f"{NAME}:"
    return f"{name} {failure.message}" + (f"\n  try: {failure.hint}" if failure.hint else "")


def envelope(data: Any, failure: Failure | None) -> str:
    """For machines: the same, as one JSON object."""
    import msgspec

    from towpath.core import formats

    error = {"code": failure.code, "message": failure.message, "hint": failure.hint} if failure else None
    return msgspec.json.encode({"format": formats.CLI, "ok": failure is None, "data": data, "error": error}).decode()


def explain(error: Exception) -> Failure:
    """What an error means to the person at the keyboard."""
    if absent := missing_package(error):
        hint = f'pip install "towpath[{EXTRAS[absent]}]"'
        return Failure("infrastructure", f"this needs {absent}, which is not installed", hint, Exit.INFRASTRUCTURE)
    match error:
        case click.exceptions.NoArgsIsHelpError():
            return Failure("usage", f"what about it?\n{error.message}", "", Exit.USAGE)
        case click.UsageError():
            path = error.ctx.command_path if error.ctx else NAME
            return Failure("usage", error.format_message(), f"{path} --help", Exit.USAGE)
        case click.ClickException():
            return Failure("usage", error.format_message(), "", Exit.USAGE)
        case Faulty():
            faults = [{"path": path, "reason": reason} for path, reason in error.faults]
            return Failure(error.code, str(error), error.hint, error.exit_code, {"faults": faults})
        case TowpathError():
            return Failure(error.code, str(error), error.hint, error.exit_code)
        case OSError():
            where = f"{error.filename}: " if error.filename else ""
            return Failure("infrastructure", f"{where}{error.strerror or error}", "", Exit.INFRASTRUCTURE)
    hint = "the same command with --debug shows where; please report it"
    return Failure("unexpected", f"something unexpected happened: {type(error).__name__}: {error}", hint, Exit.FAILED)


def missing_package(error: BaseException | None) -> str:
    """The package of an extra whose absence is the cause, also of a service.py that does not run; "" if none is."""
    while error is not None:
        name = (error.name or "").partition(".")[0] if isinstance(error, ModuleNotFoundError) else ""
        if name in EXTRAS:
            return name
        error = error.__cause__
    return ""
