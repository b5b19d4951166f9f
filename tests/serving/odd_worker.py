"""A worker that misbehaves as a test wants it to: everything but its fault is what is shipped.

python tests/serving/odd_worker.py KIND BUNDLE...               # one, as a supervisor starts it
python tests/serving/odd_worker.py --supervise KIND BUNDLE...   # a supervisor of such workers
"""

import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from towpath.core.errors import TowpathError
from towpath.serving.supervising.handed import handed_by
from towpath.serving.worker import Worker, serve_until_stopped

POISON = 6.66  # a sepal of that length: whoever is asked about it dies
ENDLESS = 7.77  # a sepal that keeps the model busy for ever


class PoisonedWorker(Worker):
    """Its model takes the whole process with it when a row holds the poison."""

    def _open(self, path: Path) -> Any:
        model = super()._open(path)
        if model:
            model.engine.see = poisoned(model.engine.see)
        return model


def poisoned(see: Callable[[Sequence[Any]], Any]) -> Callable[[Sequence[Any]], Any]:
    def die(rows: Sequence[Any]) -> Any:
        seen = str(list(map(list, rows)))
        if str(POISON) in seen:
            os.abort()
        while str(ENDLESS) in seen:
            pass
        return see(rows)

    return die


def main(kind: str, bundles: list[str]) -> int:
    if kind.startswith("slow:"):
        time.sleep(float(kind.partition(":")[2]))
    if kind.startswith("broken-if:") and Path(kind.partition(":")[2]).exists():
        import no_such_module  # noqa: F401  # pyright: ignore
    worker = PoisonedWorker if kind == "poisoned" else Worker
    handed = handed_by(os.environ)
    try:
        serve_until_stopped(worker([Path(one) for one in bundles], handed=handed), "127.0.0.1", 0, False)
    except TowpathError as error:
        sys.stderr.write(f"towpath: {error}\n")
        return error.exit_code
    return 0


def supervise_such(kind: str, words: list[str]) -> int:
    from towpath.serving import __main__ as door

    given = door._parser().parse_args(words)
    command = [sys.executable, __file__, kind, *map(str, given.bundles)]
    asked = door.read_options(vars(given), os.environ, {})
    try:
        door.run_crew(command, given, asked, os.environ)
    except TowpathError as error:
        sys.stderr.write(f"towpath: {error}\nhint: {error.hint}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    if sys.argv[1] == "--supervise":
        sys.exit(supervise_such(sys.argv[2], sys.argv[3:]))
    sys.exit(main(sys.argv[1], sys.argv[2:]))
