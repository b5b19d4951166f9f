"""The models of the race: each reference pipeline fitted once, kept as joblib for the reference and as a bundle for us.

Both are fitted on the same rows with the same seed; what we ship, from examples/portfolio, is packed beside them.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import msgspec

from bench.reference import pipelines
from towpath.bundle.write import write_bundle
from towpath.data.plain import plain, sendable
from towpath.data.table import LabelledRows, read_rows
from towpath.declare import Service, Style, band, decide, probability, release
from towpath.declare.columns import Columns
from towpath.training.fit import fit
from towpath.training.split import split_rows
from towpath.training.train import train
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
FOUR = {
    "churn_probability": probability("churn"),
    "churn_prediction": decide("churn", as_=int),
    "risk_level": band("churn", {"LOW": 0.3, "MEDIUM": 0.7, "HIGH": 1.0}),
    "model_version": release(),
}


@dataclass(frozen=True)
class Contenders:
    """One service's models: the fitted pipeline as joblib, as our bundle (whole and four fields), and what we ship."""

    joblib: Path
    ours: Path
    four: Path | None
    shipped: Path
    records: Sequence[dict[str, Any]]


def contenders(name: str, work: Path) -> Contenders:
    """Fit and pack all of one service under a folder. Real data where TOWPATH_DATA has it."""
    project = open_project(PORTFOLIO, os.environ, work / "state")
    project.make_state()
    shipped = project.service(name)
    rows = read_rows(shipped, project.objects, project.data_folders(), seed=SEED)
    same = _with_pipeline(shipped, PIPELINES[name], {})
    learn, test = split_rows(same.split, rows.targets)
    pickled = work / f"{name}.joblib"
    joblib.dump(fit(same, rows.features.iloc[learn], rows.targets[learn], seed=SEED), pickled)
    four = _pack(_with_pipeline(shipped, PIPELINES[name], FOUR), rows, work / "four") if name == "bankchurn" else None
    return Contenders(
        pickled,
        _pack(same, rows, work / "same"),
        four,
        _pack(shipped, rows, work / "shipped"),
        _records(shipped, rows, test),
    )


def _with_pipeline(shipped: Service, build: Pipeline, answer: dict[str, Any]) -> Service:
    """The shipped declaration with the reference's own pipeline in it; gates have no say in a race."""
    made = Service(
        shipped.name,
        record=shipped.record,
        target=shipped.target,
        data=shipped.data,
        answer=answer or shipped.answer,
        split=shipped.split,
        style=shipped.style if not answer else Style("fastapi"),
        metrics=shipped.metrics,
    )
    made.build(build)
    return made


def _pack(service: Service, rows: LabelledRows, home: Path) -> Path:
    trained = train(service, rows, seed=SEED, say=lambda line: None)
    return write_bundle(service.name, trained.files, home / service.name)[1]


def _records(service: Service, rows: LabelledRows, test: Any) -> list[dict[str, Any]]:
    """Test rows as a client sends them; enough for a batch, of which the first ones are sent alone."""
    return [_record(service, row) for row in plain(rows.features.iloc[test[:BATCH]]).to_dict("records")]


def _record(service: Service, row: dict[Any, Any]) -> dict[str, Any]:
    sent = [(field, sendable(field, row)) for field in service.columns.fields]
    return {field.name: value for field, value in sent if value is not None or field.nullable}


def body(record: Any) -> bytes:
    return msgspec.json.encode(record)
