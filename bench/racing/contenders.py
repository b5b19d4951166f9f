"""The models of the race: each reference pipeline fitted once, kept as joblib for the reference and as bundles for us.

What we ship, from examples/portfolio, is trained on the same rows with the same seed and packed beside them.
"""

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import joblib
import msgspec
import pandas as pd
from sklearn.utils.validation import check_is_fitted

from bench.reference import pipelines
from bench.reference.threads import set_threads
from towpath.bundle.write import write_bundle
from towpath.core.answer import Item
from towpath.core.derive import Operand
from towpath.data.plain import plain, sendable
from towpath.data.table import read_rows
from towpath.declare import Service, band, class_name, decide, probability, release, top, value
from towpath.declare.columns import Columns
from towpath.declare.features import first_word, subtract
from towpath.training.fit import one_thread
from towpath.training.layout import lay_out
from towpath.training.train import Prepared, evaluate_stage, fit_stage, parts_of, prepare, train
from towpath.wiring import open_project

ROOT = Path(__file__).resolve().parents[2]
PORTFOLIO = ROOT / "examples" / "portfolio"
SEED = 42
ROWS = 200  # in rotation: the same row again and again flatters the branch predictor
BATCH = 1000

Pipeline = Callable[[Columns], Any]
PIPELINES: dict[str, Pipeline] = {
    "bankchurn": lambda columns: pipelines.bankchurn(columns.numbers, columns.categories),
    "iris": lambda columns: pipelines.iris(),
    "carvision": lambda columns: pipelines.carvision(columns.numbers, columns.categories),
    "telecom": lambda columns: pipelines.telecom(),
    "sentiment": lambda columns: pipelines.sentiment(),
}
FEATURES: dict[str, dict[str, Operand]] = {
    # What reference/carvision.py works out in its app.
    "carvision": {"vehicle_age": subtract(pipelines.DATASET_YEAR, "model_year"), "brand": first_word("model")}
}
ANSWERS: dict[str, dict[str, Item]] = {
    # Where what we ship answers more than the reference does.
    "carvision": {"prediction": value()},
    "sentiment": {"label": class_name(), "confidence": top(round=2)},
}
FOUR: dict[str, dict[str, Item]] = {
    "bankchurn": {
        "churn_probability": probability("churn"),
        "churn_prediction": decide("churn", as_=int),
        "risk_level": band("churn", {"LOW": 0.3, "MEDIUM": 0.7, "HIGH": 1.0}),
        "model_version": release(),
    }
}


@dataclass(frozen=True)
class Contenders:
    """One service's models: the fitted pipeline as joblib, as bundles (whole answer and four fields), what we ship.

    records: as clients send them, enough for a batch, of which the first ones are sent alone.
    """

    joblib: str
    ours: str
    four: str
    shipped: str
    records: Sequence[dict[str, Any]]


def contenders(name: str, work: Path) -> Contenders:
    """All of one service under a folder, fitted unless it is there already. Real data where TOWPATH_DATA has it."""
    kept = work / f"{name}.contenders.json"
    if not kept.exists():
        kept.write_text(json.dumps(asdict(_fitted(name, work))))
    return Contenders(**json.loads(kept.read_text()))


def _fitted(name: str, work: Path) -> Contenders:
    project = open_project(PORTFOLIO, os.environ, work / "state")
    project.make_state()
    shipped = project.service(name)
    rows = read_rows(shipped, project.objects, project.data_folders(), seed=SEED)
    made: list[Any] = []
    same = _with_pipeline(shipped, ANSWERS.get(name, shipped.answer), made)
    ready = prepare(same, rows)
    ours, four = _packed(same, _with_pipeline(shipped, FOUR[name], []) if name in FOUR else None, ready, work)
    pickled = work / f"{name}.joblib"
    joblib.dump(_as_the_original(made), pickled)
    trained = train(shipped, rows, seed=SEED, say=_quiet)
    answered = write_bundle(name, trained.files, work / "shipped" / name)[1]
    return Contenders(str(pickled), str(ours), str(four or ""), str(answered), _records(shipped, ready))


def _with_pipeline(shipped: Service, answer: dict[str, Item], made: list[Any]) -> Service:
    """The shipped declaration with the reference's own pipeline in it; gates have no say in a race.

    made: gets every estimator that is built; fitting one happens in place.
    """
    service = Service(
        shipped.name,
        record=shipped.record,
        features=FEATURES.get(shipped.name, {}),
        target=shipped.target,
        data=shipped.data,
        answer=answer,
        split=shipped.split,
        style=shipped.style,
        metrics=shipped.metrics,
        title=shipped.title,
    )

    def build(columns: Columns) -> Any:
        made.append(PIPELINES[shipped.name](columns))
        return made[-1]

    service.build(build)
    return service


def _packed(same: Service, four: Service | None, ready: Prepared, work: Path) -> tuple[Path, Path | None]:
    """One fitted model as two bundles, which differ in what they answer alone."""
    with one_thread():
        fitted = fit_stage(same, ready, SEED, _quiet)
        measured = evaluate_stage(same, ready, fitted, SEED, _quiet)
        files = [lay_out(one, *parts_of(ready), fitted, measured).files for one in (same, four) if one]
    paths = [write_bundle(same.name, some, work / "same" / same.name)[1] for some in files]
    return paths[0], paths[1] if four else None


def _as_the_original(made: Sequence[Any]) -> Any:
    """The estimator that was fitted last; Towpath fits on one thread, the original's forests have one for each core."""
    check_is_fitted(made[-1])
    return set_threads(made[-1], -1)


def _records(service: Service, ready: Prepared) -> list[dict[str, Any]]:
    """Test rows without a gap: the originals take no null, and fill in other defaults than a pipeline imputes."""
    whole = ready.rows.features.iloc[ready.test].dropna()
    if len(whole) < ROWS:  # iris, of which there are 150: all of them, and flowers halfway between one and the next
        known = ready.rows.features
        whole = pd.concat([known, ((known + known.shift(-1)) / 2).dropna()])
    fields = service.columns.fields
    sent = plain(whole.head(BATCH)).to_dict("records")
    return [{field.name: sendable(field, row) for field in fields} for row in sent]


def _quiet(line: str) -> None:
    """Nobody watches it fit."""


def body(record: Any) -> bytes:
    return msgspec.json.encode(record)
