"""What is served equals what was evaluated: the held-out rows, sent over HTTP, give the metrics of the evaluation.

Every metric is computed anew from the replies alone, by scikit-learn, as a client would that has the true values.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn import metrics

from tests.bundles import SERVICES, portfolio
from tests.serving.process import Running
from towpath.bundle.read import Bundle, read_bundle
from towpath.data.table import LabelledRows, read_rows
from towpath.declare.service import Service
from towpath.training.split import describe_split, split_rows

pytestmark = pytest.mark.integration

ALONE = 25  # rows that are also sent one by one
CLOSE = 1e-9  # a digest of ten digits is kept of a metric
CENTS = 1e-5  # CarVision answers in whole cents

Replies = Sequence[dict[str, Any]]


@dataclass(frozen=True)
class Held:
    """A service's bundle with the rows that were held out for it."""

    service: Service
    bundle: Bundle
    rows: LabelledRows
    test: np.ndarray

    @property
    def truth(self) -> np.ndarray:
        return self.rows.targets[self.test]

    def records(self) -> list[dict[str, Any]]:
        """The held-out rows as a client would send them."""
        frame = self.rows.features.iloc[self.test]
        plain = frame.astype(object).where(frame.notna(), None).to_dict("records")
        fields = self.service.columns.fields
        return [
            {one.name: [row[name] for name in one.names] if one.names else row[one.name] for one in fields}
            for row in plain
        ]


@pytest.fixture(params=SERVICES)
def held(request: pytest.FixtureRequest, bundles: dict[str, Path]) -> Held:
    bundle = read_bundle(bundles[request.param])
    project = portfolio(bundles[request.param].parents[2])
    service = project.service(request.param)
    rows = read_rows(service, project.objects, project.data_folders(), seed=42)
    learn, test = split_rows(service.split, rows.targets)
    assert describe_split(service.split, learn, test) == bundle.data().split, "other rows were held out"
    return Held(service, bundle, rows, test)


def classes(field: str) -> Callable[[Held, Replies], dict[str, float]]:
    """Accuracy of a class by its position or its name."""

    def measured(held: Held, replies: Replies) -> dict[str, float]:
        names = {name: position for position, name in enumerate(held.service.target.task.classes)}
        said = [names.get(reply[field], reply[field]) for reply in replies]
        return {"accuracy": float(np.mean([one == true for one, true in zip(said, held.truth, strict=True)]))}

    return measured


def decisions(probability: str, decision: str, of: str) -> Callable[[Held, Replies], dict[str, float]]:
    """What decides between two classes, with a probability and a decision in each reply."""

    def measured(held: Held, replies: Replies) -> dict[str, float]:
        scores, said = ([reply[name] for reply in replies] for name in (probability, decision))
        return {
            "auc": metrics.roc_auc_score(held.truth, scores),
            f"f1({of})": metrics.f1_score(held.truth, said),
            f"recall({of})": metrics.recall_score(held.truth, said),
            "brier": metrics.brier_score_loss(held.truth, scores),
        }

    return measured


def prices(held: Held, replies: Replies) -> dict[str, float]:
    said = [reply["prediction"] for reply in replies]
    return {
        "r2": metrics.r2_score(held.truth, said),
        "rmse": metrics.root_mean_squared_error(held.truth, said),
        "mae": metrics.mean_absolute_error(held.truth, said),
    }


MEASURED = {
    "iris": classes("prediction"),
    "ml-service": classes("label"),
    "ml-api": classes("prediction"),
    "sentiment": classes("label"),
    "bankchurn": decisions("churn_probability", "churn_prediction", "churn"),
    "telecom": decisions("probability_is_ultra", "prediction", "ultra"),
    "carvision": prices,
}


def test_the_held_out_rows_sent_over_http_give_the_evaluated_metrics(held: Held, workers: dict[str, Running]):
    name = held.service.name
    measured = MEASURED[name](held, in_batches(workers[name], held))

    evaluated = {metric.name: metric.value for metric in held.bundle.evaluation().metrics}
    assert measured
    assert measured == pytest.approx(
        {of: evaluated[known(of, evaluated)] for of in measured}, rel=CENTS if name == "carvision" else CLOSE
    )


def known(name: str, evaluated: dict[str, float]) -> str:
    return name if name in evaluated else name.partition("(")[0]


def test_a_row_sent_alone_is_answered_as_in_a_batch(held: Held, workers: dict[str, Running]):
    worker, some = workers[held.service.name], held.records()[:ALONE]
    alone = [worker.post("/predict", record).json() for record in some]

    together = answers(held, worker, some)
    assert [timeless(one) for one in alone] == [timeless(one) for one in together]


def test_the_intervals_that_are_served_hold_as_many_prices_as_were_evaluated(held: Held, workers: dict[str, Running]):
    if held.service.name != "carvision":
        assert not held.bundle.evaluation().intervals
        return
    (evaluated,) = held.bundle.evaluation().intervals
    ranges = [reply["interval"] for reply in in_batches(workers["carvision"], held)]
    covered = np.mean([one["low"] <= true <= one["high"] for one, true in zip(ranges, held.truth, strict=True)])

    assert covered == pytest.approx(evaluated.covered, abs=2 / len(held.test))
    assert evaluated.low - 0.01 <= evaluated.level <= evaluated.high + 0.01


def in_batches(worker: Running, held: Held) -> list[dict[str, Any]]:
    records, most = held.records(), held.service.style.batch.max
    parts = [records[i : i + most] for i in range(0, len(records), most)]
    return [answer for part in parts for answer in answers(held, worker, part)]


def answers(held: Held, worker: Running, records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    reply = worker.post("/predict_batch", {held.service.style.batch.field: records})
    assert reply.status == 200, reply.body[:500]
    (answered,) = (value for value in reply.json().values() if isinstance(value, list))
    return answered


def timeless(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name != "prediction_timestamp"}
