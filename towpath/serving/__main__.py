"""python -m towpath.serving BUNDLE [BUNDLE ...]: serve with the base install alone."""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from towpath.core.errors import TowpathError, UsageError
from towpath.serving.worker import run


def main(words: Sequence[str], environment: Mapping[str, str]) -> int:
    """Serve, and return the exit code."""
    try:
        given = _parser(_default_port(environment)).parse_args(words)
        run(given.bundles, given.host, given.port, insecure=given.insecure, allow_unready=given.allow_unready)
    except TowpathError as error:
        sys.stderr.write(f"towpath: {error}\n" + (f"hint: {error.hint}\n" if error.hint else ""))
        return error.exit_code
    return 0


def _parser(port: int) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m towpath.serving", description="Serve bundles until told to stop.")
    parser.add_argument(
        "bundles",
        nargs="+",
        type=Path,
        metavar="BUNDLE",
        help="a bundle's folder; several are served under their services' names",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    parser.add_argument(
        "--port",
        type=int,
        default=port,
        help="port to listen on (default: TOWPATH_PORT, PORT or 8080; 0 takes a free one)",
    )
    parser.add_argument("--insecure", action="store_true", help="listen on an address that others can reach")
    parser.add_argument(
        "--allow-unready",
        action="store_true",
        help="start without a bundle that cannot be opened, and look for it again",
    )
    return parser


def _default_port(environment: Mapping[str, str]) -> int:
    given = environment.get("TOWPATH_PORT") or environment.get("PORT") or "8080"
    if not given.isdigit() or int(given) > 65535:
        raise UsageError(f"TOWPATH_PORT or PORT should be a port number, not {given!r}", hint="0 to 65535")
    return int(given)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
