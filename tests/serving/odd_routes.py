"""Workers whose revision 8 takes the whole process with it when a customer is 66; all else is what is shipped.

python tests/serving/odd_routes.py --routes FILE --workers 2 --port 0
"""

import os
import sys
from collections.abc import Sequence
from typing import Any

from towpath.serving import __main__ as door
from towpath.serving.routing import loading
from towpath.serving.supervising.handed import handed_by

POISON = 66.0  # an age
REVISION = 0.08  # its threshold, which is that of revision 8 in tests/serving/routed.py

really_open = loading.open_engine


def open_poisoned(bundle: Any) -> Any:
    engine = really_open(bundle)
    if bundle.settings.threshold == REVISION:
        see = engine.see

        def die(rows: Sequence[Any]) -> Any:
            if any(POISON in list(row) for row in rows):
                os.abort()
            return see(rows)

        engine.see = die
    return engine


def main(words: list[str]) -> int:
    loading.open_engine = open_poisoned
    if handed_by(os.environ):
        return door.main(words, os.environ)
    given = door._parser().parse_args(words)
    command = [sys.executable, __file__, *words]
    door.run_crew(command, given, door.read_options(vars(given), os.environ, {}), os.environ)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
