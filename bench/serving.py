"""The race: reference stacks, nginx and Towpath side by side in one run, servers on one core, the load on the other.

python bench/serving.py [--rounds 3] [--cases bankchurn,iris] [--check] [--peers] [--keep FOLDER] [--results FILE]
    # needs wrk, nginx, `make .tools/reference/made` and a quiet machine

Both sides serve the same fitted pipeline: before a race their answers to 200 rows must be equal. Each round starts
every server anew and takes them in turn (A B C A B C); what is told is the median over the rounds with the smallest
and the largest. --check exits with 1 where a promised figure is missed.
"""

import argparse
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench.racing import plot, results, table  # noqa: E402
from bench.racing.agreement import Disagreement  # noqa: E402
from bench.racing.cases import SERVICE, cases, peer_cases  # noqa: E402
from bench.racing.contenders import contenders  # noqa: E402
from bench.racing.measure import SAMPLE_SECONDS, disturbed, race  # noqa: E402
from bench.racing.verdicts import RACES, verdicts  # noqa: E402
from bench.stress.worker import facts  # noqa: E402

RESULTS = ROOT / "bench" / "results" / "serving.json"


def main() -> int:
    options = read_options()
    names = options.cases.split(",") if options.cases else list(RACES)
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(options.keep or scratch).absolute()
        work.mkdir(parents=True, exist_ok=True)
        made = {service: contenders(service, work) for service in {SERVICE.get(name, name): 0 for name in names}}
        racing = cases(names, made, work)
        if options.peers:
            racing += peer_cases(contenders("bankchurn", work), work)
        try:
            measured = race(racing, options.rounds, work)
        except Disagreement as told:
            print(f"not raced: {told}", file=sys.stderr)
            return 1
    run = facts("serving.py", *sys.argv[1:]) | {"rounds": options.rounds, "seconds": SAMPLE_SECONDS}
    whole = results.merge(options.results, measured, run)
    plot.draw(results.servers_of(whole), options.results.with_suffix(".svg"))
    print(table.markdown(measured))
    print(disturbed(measured), file=sys.stderr)
    told = verdicts(measured)
    print("\n".join(map(str, told)))
    return 1 if options.check and not all(verdict.kept for verdict in told) else 0


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cases", default="", help=f"of {', '.join(RACES)}")
    parser.add_argument("--check", action="store_true", help="fail where a promised figure is missed")
    parser.add_argument("--peers", action="store_true", help="ready-made servers too: make bench-peers")
    parser.add_argument("--keep", default="", help="a folder for the models; those that are there are not fitted again")
    parser.add_argument("--results", type=Path, default=RESULTS, help="where the numbers go; other cases stay in it")
    given = parser.parse_args()
    if unknown := [name for name in given.cases.split(",") if name and name not in RACES]:
        parser.error(f"there is no case {', '.join(unknown)}; there are {', '.join(RACES)}")
    return given


if __name__ == "__main__":
    sys.exit(main())
