"""The race: reference stacks, nginx and Towpath side by side in one run, servers on one core, the load on the other.

python bench/serving.py [--rounds 3] [--cases bankchurn,iris] [--peers] [--keep FOLDER]
    # needs wrk, nginx and `make .tools/reference/made`; a ratio below the promised one is told

Each round starts every server anew and takes them in turn (A B C A B C), so that a busy moment hits all alike; what is
told is the median over the rounds with the smallest and the largest.
"""

import argparse
import contextlib
import json
import statistics
import sys
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench.racing import plot  # noqa: E402
from bench.racing.contenders import ROWS, Contenders, body, contenders  # noqa: E402
from bench.racing.load import Driver, Load  # noqa: E402
from bench.racing.peers import peers  # noqa: E402
from bench.racing.servers import Server, ask, flask, nginx, ours, reference, started  # noqa: E402

RESULTS = ROOT / "bench" / "results" / "serving.json"
WARM_SECONDS, SAMPLE_SECONDS = 1.0, 2.0
CROWD = 32  # keep-alive connections
PROMISED = {
    "bankchurn-four": (800, 0.40),
    "bankchurn": (550, 0.27),
    "iris": (400, None),
    "carvision": (300, None),
    "telecom": (200, None),
    "sentiment": (20, None),
    "batch-1000": (10, None),
}
"""Case -> ours over the reference, ours over nginx."""
SERVICE = {"bankchurn-four": "bankchurn", "batch-1000": "bankchurn"}


@dataclass(frozen=True)
class Case:
    """Bodies for one path, how many connections send them, and who answers."""

    name: str
    path: str
    bodies: Sequence[bytes]
    connections: int
    servers: Sequence[Server]
    beside: Driver | None = None  # sends all the while, on one connection


@dataclass(frozen=True)
class Sample:
    """One server under load once."""

    load: Load
    cpu_us: float
    rss_mb: float
    cold_ms: float


def main() -> int:
    options = read_options()
    names = options.cases.split(",") if options.cases else list(PROMISED)
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(options.keep or scratch).absolute()
        work.mkdir(parents=True, exist_ok=True)
        made = {service: contenders(service, work) for service in dict.fromkeys(SERVICE.get(n, n) for n in names)}
        cases = [case for name in names for case in cases_of(name, made[SERVICE.get(name, name)], work)]
        if options.peers:
            cases += peer_cases(made["bankchurn"], work)
        measured = race(cases, options.rounds, work)
    tell(measured)
    told = [ratio(name, measured[name]) for name in names]
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(as_data(measured, options.rounds), indent=2) + "\n")
    plot.draw(as_data(measured, options.rounds), RESULTS.with_suffix(".svg"))
    print(
        "\n".join(
            line if kept else f"{line}  MISSED {PROMISED[name]}" for name, (line, kept) in zip(names, told, strict=True)
        )
    )
    return 0


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cases", default="", help=f"of {', '.join(PROMISED)}")
    parser.add_argument("--peers", action="store_true", help="ready-made servers too: make bench-peers")
    parser.add_argument("--keep", default="", help="a folder for the models, to be looked at afterwards")
    return parser.parse_args()


def cases_of(name: str, made: Contenders, work: Path) -> list[Case]:
    """The case itself and those that belong to it: one connection, and records that are refused."""
    alone = [body(record) for record in made.records[:ROWS]]
    app = SERVICE.get(name, name)
    slow = (
        [flask(app, made.joblib)]
        if app == "sentiment"
        else [reference(app, made.joblib), reference(app, made.joblib, fair=True)]
    )
    if name == "batch-1000":
        whole = body({"customers": list(made.records)})
        batches = Driver(work / "load", "beside", "/predict_batch", [whole])
        return [
            Case(name, "/predict_batch", [whole], 1, [ours(made.ours), *slow]),
            Case("alone", "/predict", alone, 1, [ours(made.ours)]),
            Case("beside-batch", "/predict", alone, 1, [ours(made.ours)], batches),
        ]
    bundle = made.four if name == "bankchurn-four" and made.four else made.ours
    shipped = [] if name == "bankchurn-four" else [replace(ours(made.shipped), name="shipped")]
    racing = Case(
        name, "/predict", alone, CROWD, [ours(bundle), *shipped, static(bundle, alone[0], work / name), *slow]
    )
    if name != "bankchurn":
        return [racing]
    fast = [server for server in racing.servers if server.name in ("ours", "shipped", "nginx")]
    broken = [body({**record, "Age": 7}) for record in made.records[:ROWS]]
    return [
        racing,
        replace(racing, name="bankchurn-one", connections=1, servers=fast),
        replace(racing, name="bankchurn-422", bodies=broken, servers=[ours(bundle)]),
    ]


def peer_cases(made: Contenders, work: Path) -> list[Case]:
    """Every ready-made server under the same load; each wants its request in a shape of its own."""
    return [
        Case(
            f"peer-{peer.name}", peer.path, [peer.body(record) for record in made.records[:ROWS]], CROWD, [peer.server]
        )
        for peer in peers(made.joblib, work)
    ]


def static(bundle: Path, asked: bytes, folder: Path) -> Server:
    """nginx with a reply of ours, so that both send the same number of bytes."""
    with started(ours(bundle)) as running:
        _, reply = ask(running.port, "/predict", asked)
    return nginx(reply, folder)


def race(cases: Sequence[Case], rounds: int, work: Path) -> dict[str, dict[str, list[Sample]]]:
    """Case -> server -> its samples."""
    found: dict[str, dict[str, list[Sample]]] = defaultdict(lambda: defaultdict(list))
    drivers = {case.name: Driver(work / "load", case.name, case.path, case.bodies) for case in cases}
    for turn in range(rounds):
        for case in cases:
            for server in case.servers:
                sample = measure(server, drivers[case.name], case)
                found[case.name][server.name].append(sample)
                print(f"round {turn + 1} {case.name} {server.name}: {sample.load.per_second:.0f}/s", file=sys.stderr)
    return found


def measure(server: Server, driver: Driver, case: Case) -> Sample:
    with started(server) as running:
        driver.drive(running.port, case.connections, WARM_SECONDS)
        with case.beside.driving(running.port, 1) if case.beside else contextlib.nullcontext():
            before = running.weigh()
            load = driver.drive(running.port, case.connections, SAMPLE_SECONDS)
            after = running.weigh()
    cpu_us = (after.cpu_seconds - before.cpu_seconds) / load.requests * 1e6
    return Sample(load, cpu_us, after.rss_mb, running.cold_seconds * 1000)


def tell(measured: dict[str, dict[str, list[Sample]]]) -> None:
    """A table with a line for each case and server."""
    print("| case | server | requests/s | p50 ms | p99 ms | CPU us | RSS MB | not 2xx |")
    print("|---|---|---|---|---|---|---|---|")
    for case, servers in measured.items():
        for name, samples in servers.items():
            speeds = [sample.load.per_second for sample in samples]
            print(
                f"| {case} | {name} | {median(speeds):,.0f} [{min(speeds):,.0f}-{max(speeds):,.0f}]"
                f" | {median([sample.load.p50_ms for sample in samples]):.3f}"
                f" | {median([sample.load.p99_ms for sample in samples]):.2f}"
                f" | {median([sample.cpu_us for sample in samples]):.0f}"
                f" | {median([sample.rss_mb for sample in samples]):.0f}"
                f" | {max(sample.load.refused for sample in samples)} |"
            )


def ratio(name: str, servers: dict[str, list[Sample]]) -> tuple[str, bool]:
    """`RATIO bankchurn reference=871 nginx=0.43`, and whether that is what is promised."""
    speed = {server: median([sample.load.per_second for sample in samples]) for server, samples in servers.items()}
    over = speed["ours"] / speed["reference"]
    share = speed["ours"] / speed["nginx"] if "nginx" in speed else None
    least, least_share = PROMISED[name]
    kept = over >= least and (least_share is None or (share or 0.0) >= least_share)
    told = f"RATIO {name} reference={over:.0f} nginx={'-' if share is None else f'{share:.2f}'}"
    return told, kept


def as_data(measured: dict[str, dict[str, list[Sample]]], rounds: int) -> dict[str, object]:
    samples = {
        case: {name: [asdict(sample) for sample in found] for name, found in servers.items()}
        for case, servers in measured.items()
    }
    return {"rounds": rounds, "seconds": SAMPLE_SECONDS, "cases": samples}


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


if __name__ == "__main__":
    sys.exit(main())
