"""Who races whom: for every case its bodies, its path, its connections, and the servers that take turns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench.racing.contenders import ROWS, Contenders, body
from bench.racing.load import Driver
from bench.racing.peers import peers
from bench.racing.servers import Question, Server, ask, flask, nginx, ours, reference, started

CROWD = 32  # keep-alive connections
COST_TURNS = 5  # in a round: some percent are to be told apart
SERVICE = {"bankchurn-four": "bankchurn", "batch-1000": "bankchurn"}
"""The service of a case that is not called as its service is."""


@dataclass(frozen=True)
class Case:
    """Bodies for one path, how many connections send them, and who answers.

    question: what each is asked until it answers. agreed: bodies that all who serve the same model must answer alike.
    """

    name: str
    path: str
    bodies: Sequence[bytes]
    connections: int
    servers: Sequence[Server]
    question: Question
    agreed: Sequence[bytes] = ()
    beside: Driver | None = None  # sends all the while, on one connection
    turns: int = 1  # in a round


def cases_of(name: str, made: Contenders, work: Path) -> list[Case]:
    """The case itself and those that belong to it."""
    if name == "batch-1000":
        return _batches(made, work)
    alone = [body(record) for record in made.records[:ROWS]]
    service = SERVICE.get(name, name)
    bundle = made.four if name == "bankchurn-four" else made.ours
    racing = Case(name, "/predict", alone, CROWD, [ours(bundle)], Question("/predict", alone[0]), agreed=alone)
    static = _static(racing, work / name)
    shipped = [] if name == "bankchurn-four" else [ours(made.shipped, name="shipped", same=False)]
    racing = replace(racing, servers=[ours(bundle), *shipped, static, *_references(service, made)])
    if service != "bankchurn":
        return [racing]
    quick = [ours(bundle), *shipped, static]
    lone = replace(racing, name=f"{name}-one", connections=1, servers=quick, agreed=alone[:1])
    return [racing, lone, *(_costs(racing, bundle, work) if name == "bankchurn-four" else _refused(racing, made))]


def peer_cases(made: Contenders, work: Path) -> list[Case]:
    """Every ready-made server under the same load; each wants its request in a shape of its own."""
    found = []
    for peer in peers(made.joblib, work):
        bodies = [peer.body(record) for record in made.records[:ROWS]]
        question = Question(peer.path, bodies[0])
        found.append(Case(f"peer-{peer.name}", peer.path, bodies, CROWD, [peer.server], question))
    return found


def _batches(made: Contenders, work: Path) -> list[Case]:
    """A thousand rows a request: four fields as in the other case of that name, the reference as it answers; then the
    whole answer; then single rows on a connection beside one that sends batches."""
    whole = body({"customers": list(made.records)})
    question = Question("/predict_batch", whole)
    slow = _references("bankchurn", made)
    batch = Case("batch-1000", "/predict_batch", [whole], 1, [ours(made.four), *slow], question, agreed=[whole])
    alone = [body(record) for record in made.records[:ROWS]]
    single = Case("alone", "/predict", alone, 1, [ours(made.four)], Question("/predict", alone[0]), alone[:1])
    driver = Driver(work / "load", "beside", "/predict_batch", [whole])
    return [
        batch,
        replace(batch, name="batch-1000-contributions", servers=[ours(made.ours), slow[0]]),
        single,
        replace(single, name="beside-batch", beside=driver),
    ]


def _costs(racing: Case, bundle: str, work: Path) -> list[Case]:
    """What counting and logging cost: the same worker without, as it is, and with all of its answers logged."""
    without = ours(bundle, name="bare", module="bench.racing.bare")
    logged = ours(bundle, "--log", str(work / "prediction-log"), name="logged")
    return [replace(racing, name=f"{racing.name}-cost", servers=[without, ours(bundle), logged], turns=COST_TURNS)]


def _refused(racing: Case, made: Contenders) -> list[Case]:
    """Records that are refused, beside valid ones on the same number of connections."""
    broken = [body({**record, "Age": 7}) for record in made.records[:ROWS]]
    return [
        replace(racing, name=f"{racing.name}-422", bodies=broken, servers=racing.servers[:1], agreed=racing.agreed[:1])
    ]


def _references(service: str, made: Contenders) -> list[Server]:
    if service == "sentiment":
        return [flask(service, made.joblib)]
    return [reference(service, made.joblib), reference(service, made.joblib, fair=True)]


def _static(case: Case, folder: Path) -> Server:
    """nginx with a reply of ours, so that both send the same number of bytes."""
    with started(case.servers[0], case.question) as running:
        _, reply = ask(running.port, case.path, case.bodies[0])
    return nginx(reply, folder)


def cases(names: Sequence[str], made: Mapping[str, Contenders], work: Path) -> list[Case]:
    """All cases of these names; made: the models by service."""
    return [case for name in names for case in cases_of(name, made[SERVICE.get(name, name)], work)]
