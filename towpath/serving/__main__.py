"""python -m towpath.serving BUNDLE [BUNDLE ...]: serve with the base install alone."""

import argparse
import os
import re
import sys
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path

from towpath.core.errors import Exit, TowpathError, UsageError
from towpath.serving.options import OPTIONS, Asked, read_options
from towpath.serving.supervising.handed import Handed, handed_by

PORT = re.compile(r"[0-9]{1,5}")
HIGHEST = 65535


def main(words: Sequence[str], environment: Mapping[str, str]) -> int:
    """Serve, and return the exit code."""
    try:
        given, handed = _parser().parse_args(words), handed_by(environment)
        asked = read_options(vars(given), environment, handed.table if handed else {})
        given.bundles = given.bundles or bundles_asked_for(environment, bool(asked.routes))
        if asked.workers and not handed:
            run_crew([sys.executable, "-m", "towpath.serving", *words], given, asked, environment)
        else:
            run_worker(given, asked, environment, handed)
    except TowpathError as error:
        return _tell(str(error), error.hint, error.exit_code)
    except KeyboardInterrupt:  # before the worker listens; after that it stops on its own
        return _tell("interrupted", "", Exit.INTERRUPTED)
    except Exception as error:  # the door: whatever comes is told in a sentence
        if "--debug" in words:
            traceback.print_exc()
        told = f"something unexpected happened: {type(error).__name__}: {error}"
        return _tell(told, "the same command with --debug shows where; please report it", Exit.FAILED)
    return Exit.DONE


def run_worker(given: argparse.Namespace, asked: Asked, environment: Mapping[str, str], handed: Handed | None) -> None:
    """One worker in this process: on a port of its own, or on the sockets that its supervisor hands to it."""
    if handed:
        from towpath.serving.lifeline import tie_to_supervisor

        tie_to_supervisor()
    from towpath.serving.worker import run

    port, unready = port_asked_for(given.port, environment), given.allow_unready
    run(given.bundles, given.host, port, insecure=given.insecure, allow_unready=unready, asked=asked, handed=handed)


def run_crew(command: Sequence[str], given: argparse.Namespace, asked: Asked, environment: Mapping[str, str]) -> None:
    """As many workers as are asked for, and in this process their supervisor; it imports nothing that serves."""
    from towpath.serving.supervising.plan import Plan
    from towpath.serving.supervisor import supervise

    port, insecure = port_asked_for(given.port, environment), given.insecure or asked.access.protects
    workers, metrics_port = asked.workers or 1, asked.metrics_port
    supervise(Plan(command, given.host, port, workers, asked.start_seconds, insecure, metrics_port=metrics_port))


def bundles_asked_for(environment: Mapping[str, str], routed: bool = False) -> list[Path]:
    """Those of TOWPATH_BUNDLES, separated as in PATH. Raises UsageError where neither it nor any routes name one."""
    named = [Path(part) for part in environment.get("TOWPATH_BUNDLES", "").split(os.pathsep) if part]
    if not named and not routed:
        raise UsageError("no bundle is named", hint="python -m towpath.serving BUNDLE, or TOWPATH_BUNDLES names it")
    return named


def port_asked_for(given: str | None, environment: Mapping[str, str]) -> int:
    """The port of the flag, else of the environment, else 8080. Raises UsageError for what is none."""
    asked = {"--port": given} | {name: environment.get(name) for name in ("TOWPATH_PORT", "PORT")}
    source, port = next(((name, port) for name, port in asked.items() if port), ("", "8080"))
    if not PORT.fullmatch(port) or int(port) > HIGHEST:
        raise UsageError(f"{source} should be a port from 0 to {HIGHEST}, not {port!r}", hint="0 takes a free one")
    return int(port)


def _tell(message: str, hint: str, code: int) -> int:
    sys.stderr.write(f"towpath: {message}\n" + (f"hint: {hint}\n" if hint else ""))
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m towpath.serving", description="Serve bundles until told to stop.")
    parser.add_argument(
        "bundles",
        nargs="*",
        type=Path,
        metavar="BUNDLE",
        help="a bundle's folder (default: TOWPATH_BUNDLES); several are served under their services' names",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    parser.add_argument("--port", help="port to listen on (default: TOWPATH_PORT, PORT or 8080; 0 takes a free one)")
    parser.add_argument("--insecure", action="store_true", help="listen on an address that others can reach")
    parser.add_argument(
        "--allow-unready",
        action="store_true",
        help="start without a bundle that cannot be opened, and look for it again",
    )
    for option in OPTIONS:
        about = f"{option.about.rstrip('.')} ({option.variable})".replace("%", "%%")
        action = "append" if option.many else "store"
        parser.add_argument(option.flag, metavar=option.metavar, action=action, help=about)
    parser.add_argument("--debug", action="store_true", help="show the traceback of an unexpected failure")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
