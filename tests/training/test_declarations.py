"""Whatever a declaration may say, it trains and is proved, or it is refused with what to mend."""

from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline

from towpath.core.errors import UsageError, VerificationRefused
from towpath.core.lineage import Source
from towpath.data.check import check_table
from towpath.data.table import LabelledRows
from towpath.declare import (
    Context,
    Id,
    Meta,
    NotBlank,
    Private,
    Record,
    Service,
    accuracy,
    at_least,
    auc,
    best_for,
    binary,
    contributions,
    csv,
    f1,
    multiclass,
    probabilities,
    probability,
    r2,
    regression,
    rmse,
    slices,
    value,
)  # fmt: skip
from towpath.declare.check import check_service
from towpath.training.train import Trained, train

ROWS = 400


class Everything(Record):
    whole: Annotated[int, Meta(ge=0, le=20)] | None
    real: float
    flag: bool
    maybe: bool | None
    level: Literal[3, 4, 6] | None
    kind: Literal["NA", "b"]
    word: Annotated[str, Meta(min_length=1, max_length=8)]
    said: NotBlank
    number: Id[int]
    code: Id[str]
    group: Context[Literal["f", "m"]]
    name: Private[str]


def frame() -> pd.DataFrame:
    """As towpath.data reads it: numbers as floats, strings as objects, missing as NaN."""
    random = np.random.default_rng(3)
    some = random.random(ROWS)
    return pd.DataFrame(
        {
            "whole": np.where(some < 0.1, np.nan, random.integers(0, 21, ROWS)),
            "real": random.normal(0, 100, ROWS),
            "flag": random.integers(0, 2, ROWS).astype(float),
            "maybe": np.where(some > 0.9, np.nan, random.integers(0, 2, ROWS)),
            "level": pd.Series(random.choice([3, 4, 6], ROWS), dtype=object).where(some > 0.05, np.nan),
            "kind": random.choice(["NA", "b"], ROWS).astype(object),
            "word": random.choice(["red", "green", "blue"], ROWS).astype(object),
            "said": random.choice(["yes", "no way"], ROWS).astype(object),
            "group": random.choice(["f", "m"], ROWS).astype(object),
        }
    )


def service(**changes: Any) -> Service:
    parts: dict[str, Any] = {
        "record": Everything,
        "target": binary("late", positive="late"),
        "data": csv("late.csv", sha256="0" * 64),
        "answer": {"p": probability("late"), "why": contributions("probability")},
        "metrics": [auc(), f1("late")],
        "threshold": best_for("f1"),
    }
    made = Service("late", **(parts | changes))
    made.build(
        lambda columns: make_pipeline(columns.encode(categories="one-hot"), HistGradientBoostingClassifier(max_iter=10))
    )
    return made


def run(made: Service, targets: np.ndarray | None = None) -> Trained:
    check_service(made)
    rows = frame()
    truth = (rows["real"] + 50 * rows["flag"] > 10).to_numpy(np.int64) if targets is None else targets
    check_table(made, rows.assign(**{made.target.task.target: truth}))
    features = rows[made.columns.names]
    labelled = LabelledRows(features, rows[["group"]], truth, "real", (Source("late.csv", 1, "0" * 64),))
    return train(made, labelled, seed=42, say=lambda line: None)


def test_a_record_of_every_kind_of_field_trains_and_is_proved():
    trained = run(service(gates=[slices("group", "auc", max_gap=0.5), at_least("auc", 0.6)]))

    assert [gate.verdict for gate in trained.evaluation.gates] == ["pass", "pass"]
    assert trained.evaluation.parity.flips == 0


def test_a_regression_needs_no_split_of_classes():
    made = service(
        target=regression("price"), answer={"price": value(), "why": contributions("value")}, metrics=[rmse(), r2()],
        threshold=0.5,
    )  # fmt: skip
    made.build(lambda columns: make_pipeline(columns.encode(numbers="impute and scale"), Ridge()))
    trained = run(made, frame()["real"].to_numpy() * 2 + 1)

    found = trained.evaluation.metric("r2")
    assert found is not None and found.value > 0.99


@pytest.mark.parametrize("space", ["score", "probability"])
def test_several_classes_train_with_contributions(space: str):
    targets = np.arange(ROWS) % 3
    three = {"target": multiclass("late", classes=("a", "b", "c"), labels=(0, 1, 2)), "metrics": [accuracy()]}

    made = service(**three, answer={"p": probabilities(), "why": contributions(space)}, threshold=0.5)

    assert run(made, targets).evaluation.parity.flips == 0


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_a_model_without_contributions_trains_unless_an_answer_asks_for_them():
    made, asked = service(answer={"p": probability("late")}), service(answer={"why": contributions()})
    for one in (made, asked):
        one.build(
            lambda columns: make_pipeline(columns.encode(numbers="impute and scale"), MLPClassifier((4,), max_iter=20))
        )

    trained = run(made)

    assert (trained.evaluation.additivity, trained.evaluation.parity.tolerance) == (None, 1e-6)
    with pytest.raises(VerificationRefused, match=r"answer\.why asks for contributions, .* MLPClassifier goes through"):
        run(asked)


@pytest.mark.parametrize(
    ("built", "says"),
    [
        (
            lambda columns: make_pipeline(columns.encode(numbers="impute"), LinearRegression()),
            "returns a regressor, .*classes",
        ),
        (lambda columns: None, "returns None, which is no estimator"),
        (lambda columns: 1 / 0, r"build\(\) of late fails: ZeroDivisionError"),
    ],
)
def test_what_build_gives_wrong_is_told(built: Any, says: str):
    made = service()
    made.build(built)

    with pytest.raises(UsageError, match=says):
        run(made)


def test_a_classifier_for_a_number_is_refused():
    made = service(target=regression("price"), answer={"price": value()}, metrics=[rmse()], threshold=0.5)
    made.build(lambda columns: make_pipeline(columns.encode(numbers="impute"), LogisticRegression()))

    with pytest.raises(UsageError, match="returns a classifier, Pipeline, but the target is a number"):
        run(made, frame()["real"].to_numpy())


def test_data_that_is_too_little_or_lacks_what_a_gate_slices_by_is_told_before_fitting():
    lonely = np.zeros(ROWS, dtype=np.int64)
    lonely[0] = 1

    with pytest.raises(UsageError, match=r"late: is 1 \(late\) in 1 rows; at least 10"):
        run(service(), lonely)
    with pytest.raises(UsageError, match="name: is not a column of the data, but a gate slices by it"):
        run(service(gates=[slices("name", "auc", max_gap=0.1)]))
