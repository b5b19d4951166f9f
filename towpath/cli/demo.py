"""towpath demo: the reference services from data to answers, and how they compare with their originals."""

import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import towpath
from towpath.cli.layout import columns
from towpath.cli.pack import Packed, pack_candidate
from towpath.cli.session import Result, Session, Verb
from towpath.cli.train import train_service
from towpath.cli.worker import running_worker
from towpath.core.errors import Conflict, Exit, InfrastructureError
from towpath.core.evaluation import Metric
from towpath.wiring import DATA, DEFAULT_SEED, Project, open_project

if TYPE_CHECKING:
    from towpath.training.run import Run

EXAMPLES = Path(towpath.__file__).parent.parent / "examples" / "portfolio"
ASK_SECONDS = 10.0
HEADINGS = ("service", "rows", "metric", "original", "ours", "95 % interval")


@dataclass(frozen=True)
class Goal:
    """A metric of the original, measured with its own code and data, and what ours promises on the same rows."""

    metric: str
    original: float
    promised: float


@dataclass(frozen=True)
class Show:
    """What is asked of a service: a documented example request of its original, and what the answer must hold."""

    record: dict[str, Any]
    expected: dict[str, Any]
    goals: tuple[Goal, ...]


@dataclass(frozen=True)
class Played:
    """One service's way through the demo."""

    name: str
    show: Show
    run: "Run"
    packed: Packed
    answer: dict[str, Any]

    @property
    def is_real(self) -> bool:
        return self.run.data.origin == "real"

    def reached(self) -> list[tuple[Goal, Metric]]:
        """Each goal with what was measured. Every goal is about a metric that the service declares."""
        measured = {metric.name: metric for metric in self.run.evaluation.metrics}
        return [(goal, measured[goal.metric]) for goal in self.show.goals]


CUSTOMER = {
    "CreditScore": 650, "Geography": "France", "Gender": "Female", "Age": 40, "Tenure": 3, "Balance": 60000,
    "NumOfProducts": 2, "HasCrCard": 1, "IsActiveMember": 1, "EstimatedSalary": 50000,
}  # fmt: skip
FLOWER = {"sepal_length": 5.1, "sepal_width": 3.5, "petal_length": 1.4, "petal_width": 0.2}
CAR = {
    "model_year": 2018, "model": "ford f-150", "condition": "good", "cylinders": 6, "fuel": "gas", "odometer": 50000,
    "transmission": "automatic", "drive": "4wd", "type": "truck", "paint_color": "white",
}  # fmt: skip
SHOWS = {
    "iris": Show(
        {"features": [5.1, 3.5, 1.4, 0.2]}, {"class_name": "setosa", "prediction": 0}, (Goal("accuracy", 1.0, 1.0),)
    ),
    "bankchurn": Show(
        CUSTOMER,
        {"risk_level": "LOW", "churn_prediction": 0},
        (Goal("auc", 0.858, 0.864), Goal("f1", 0.595, 0.62)),
    ),
    "sentiment": Show(
        {"text": "This movie is great and amazing"}, {"label": "positive"}, (Goal("accuracy", 0.110, 0.78),)
    ),
    "ml-service": Show(FLOWER, {"predicted_class": 0, "label": "setosa"}, (Goal("accuracy", 1.0, 1.0),)),
    "ml-api": Show(FLOWER, {"prediction": 0}, (Goal("accuracy", 1.0, 0.97),)),
    "carvision": Show(CAR, {"currency": "USD"}, (Goal("r2", 0.766, 0.812),)),
    "telecom": Show(
        {"calls": 40.0, "minutes": 311.9, "messages": 83.0, "mb_used": 19915.42},
        {"prediction": 0},
        (Goal("auc", 0.840, 0.838), Goal("f1", 0.618, 0.625)),
    ),
}


@click.command(cls=Verb, epilog="Example: towpath demo --keep ~/towpath-demo")
@click.option(
    "--keep", type=click.Path(path_type=Path), metavar="DIR", help="Work in this new folder and leave it there."
)
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, metavar="PORT", help="The worker's (default: a free one)."
)
@click.pass_obj
def demo(session: Session, keep: Path | None, port: int) -> Result:
    """Train, prove, pack and serve the seven reference services, send each its documented example, and compare.

    Real data is used where TOWPATH_DATA or the project has it, else the services' own generators; each line says which.
    """
    began = time.monotonic()
    with demo_project(keep) as project:
        made = {name: make(project, name, session) for name in SHOWS}
        session.say("serving all of them")
        bundles = [packed.path for _, packed in made.values()]
        with running_worker(bundles, port, project.state / "demo-worker.log") as address:
            played = [Played(name, show, *made[name], ask(address, name, show.record)) for name, show in SHOWS.items()]
    return told(played, address, time.monotonic() - began, keep)


@contextmanager
def demo_project(keep: Path | None) -> Iterator[Project]:
    """A copy of the examples, so that a checkout stays clean. Raises InfrastructureError, Conflict."""
    if not EXAMPLES.is_dir():
        raise InfrastructureError(
            f"the examples are not installed with the package; they would be in {EXAMPLES}",
            hint="clone the repository and run make demo there; or begin with: towpath new NAME",
        )
    if keep is not None and keep.exists():
        raise Conflict(f"{keep} is there already", hint="name a folder that is not")
    with tempfile.TemporaryDirectory(prefix="towpath-demo-") as scratch:
        root = (keep or Path(scratch) / "portfolio").absolute()
        shutil.copytree(EXAMPLES, root, ignore=shutil.ignore_patterns("__pycache__", ".towpath"))
        original = open_project(EXAMPLES, os.environ)
        folders = os.pathsep.join(str(folder.absolute()) for folder in original.data_folders())
        yield open_project(root, {**os.environ, DATA: folders})


def make(project: Project, name: str, session: Session) -> tuple["Run", Packed]:
    run = train_service(project, project.service(name), session, seed=DEFAULT_SEED)
    return run, pack_candidate(project, name, session)


def ask(address: str, service: str, record: dict[str, Any]) -> dict[str, Any]:
    """What a service answers to a record, whatever the status: the answer is looked at afterwards."""
    with closing(HTTPConnection(address, timeout=ASK_SECONDS)) as connection:
        connection.request("POST", f"/{service}/predict", json.dumps(record), {"Content-Type": "application/json"})
        answer: dict[str, Any] = json.load(connection.getresponse())
        return answer


def broken_promises(played: Played) -> Iterator[str]:
    """What is not as promised; numbers are promised on the real data alone."""
    for key, value in played.show.expected.items():
        if played.answer.get(key) != value:
            yield f"{played.name} answers {key} {played.answer.get(key)!r}, expected is {value!r}"
    for goal, metric in played.reached():
        if played.is_real and not metric.value >= goal.promised:
            yield f"{played.name} reaches {metric}, promised is {goal.promised}"


def told(played: list[Played], address: str, seconds: float, keep: Path | None) -> Result:
    broken = [fault for one in played for fault in broken_promises(one)]
    table = columns([HEADINGS, *(row for one in played for row in comparison(one))], "  ")
    kept = [f"Go on in {keep}: towpath serve"] if keep else []
    asked = [exchange(f"http://{address}/{one.name}/predict", one) for one in played]
    text = "\n".join([*asked, table, "", f"From data to answers in {seconds:.1f} s.", *kept])
    data = {"seconds": round(seconds, 1), "services": {one.name: as_data(one) for one in played}}
    code, hint = (Exit.FAILED, "please report it with the numbers above") if broken else (Exit.DONE, "")
    return Result(data, text, code, "; ".join(broken), hint)


def exchange(url: str, played: Played) -> str:
    return f"$ curl -X POST {url} -d '{json.dumps(played.show.record)}'\n{json.dumps(played.answer, indent=2)}\n"


def comparison(played: Played) -> Iterator[tuple[str, ...]]:
    """One row for each goal; what generated rows give cannot be compared with the originals' real ones."""
    rows = f"{played.run.data.rows} {played.run.data.origin}"
    for goal, metric in played.reached():
        original = f"{goal.original:.3f}" if played.is_real else "-"
        interval = f"[{metric.low:.4f}, {metric.high:.4f}]"
        yield played.name, rows, goal.metric, original, f"{metric.value:.4f}", interval


def as_data(played: Played) -> dict[str, Any]:
    goals = {
        goal.metric: {"original": goal.original, "promised": goal.promised, "ours": metric.value}
        for goal, metric in played.reached()
    }
    asked = {"asked": played.show.record, "answered": played.answer}
    return {"origin": played.run.data.origin, "bundle": played.packed.id, **asked, "goals": goals}
