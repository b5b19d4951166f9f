"""Train a service: split, choose the threshold, fit, compile, prove, measure, and lay out everything a bundle holds."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import pandas as pd

from towpath.bundle.lock import write_lock
from towpath.core import formats, manifest
from towpath.core.contract import Contract, Field
from towpath.core.evaluation import Evaluation, ParityResult
from towpath.core.golden import GoldenRow
from towpath.core.lineage import DataLineage
from towpath.core.settings import Settings
from towpath.data.table import LabelledRows
from towpath.declare.service import Service, Threshold
from towpath.engine.engine import Engine, build_engine
from towpath.training import card, evaluate, golden, parity, reference
from towpath.training.compiled import CompiledPlan, compile_plan
from towpath.training.fit import choose_threshold, fit, is_text, model_input, one_thread
from towpath.training.split import describe_split, split_rows

HOLDOUT = 1_000  # rows kept aside, which diffs and comparisons use
LIMITS_TRIED = 20_000  # rows on and just beyond the limits of splits; a share of a large forest's, all of a small one's

Say = Callable[[str], None]


@dataclass(frozen=True)
class Trained:
    """What one training leaves: a bundle's files, the split's positions, the held-out sample, what was measured."""

    files: dict[str, bytes]
    train: np.ndarray
    test: np.ndarray
    holdout: bytes
    evaluation: Evaluation
    settings: Settings
    data: DataLineage


def train(service: Service, rows: LabelledRows, *, seed: int, say: Say) -> Trained:
    """Everything from labelled rows to a proved model. Test rows are looked at once, to measure.

    Raises VerificationRefused where the estimator cannot be compiled or is not proved.
    """
    with one_thread():
        return _train(service, rows, seed, say)


def _train(service: Service, rows: LabelledRows, seed: int, say: Say) -> Trained:
    learn, test = split_rows(service.split, rows.targets)
    if isinstance(service.threshold, Threshold):
        say(f"choosing the threshold on {len(learn)} training rows")
    settings = Settings(choose_threshold(service, rows.features.iloc[learn], rows.targets[learn], seed=seed))
    say(f"fitting on {len(learn)} training rows")
    estimator = fit(service, rows.features.iloc[learn], rows.targets[learn], seed=seed)

    say("compiling")
    compiled = compile_plan(service, estimator, rows.features.iloc[learn])
    engine = build_engine(service.contract(), compiled.plan, settings, compiled.files)
    say("proving that the compiled model answers as scikit-learn does")
    golden_rows = _golden_rows(service, estimator, rows.features.iloc[learn], compiled, seed)
    unseen = rows.features.iloc[test]
    proved, scores = prove(service, estimator, engine, compiled, unseen, golden_rows, seed=seed)
    engine.check(golden_rows)

    say(f"measuring on {len(test)} rows it has not seen")
    contributions = engine.contributions(to_records(engine, service, unseen.iloc[:HOLDOUT]))
    evaluation = evaluate.evaluate(
        service, rows, test, scores, settings, proved, evaluate.additivity(engine, scores, contributions), seed
    )
    holdout = _holdout(service, rows, test)
    lineage = DataLineage(
        rows.origin, rows.sources, len(rows), describe_split(service.split, learn, test), formats.digest(holdout)
    )
    importances = {} if is_text(service) else reference.mean_importances(contributions)
    kept = reference.make_reference(service.columns.fields, unseen, scores, settings.threshold, importances)
    described = card.write_card(service.contract(), settings, lineage, evaluation, describe(estimator), importances)
    files = _lay_out(service.contract(), compiled, settings, golden_rows, kept, evaluation, lineage, described)
    return Trained(files, learn, test, holdout, evaluation, settings, lineage)


def prove(
    service: Service,
    estimator: Any,
    engine: Engine,
    compiled: CompiledPlan,
    unseen: pd.DataFrame,
    golden_rows: list[GoldenRow],
    *,
    seed: int,
) -> tuple[ParityResult, np.ndarray]:
    """Compare engine and scikit-learn on unseen rows, on rows at the limits of the trees' splits, and on golden rows.

    Returns the result and the engine's scores of the unseen rows. Raises VerificationRefused naming the worst rows.
    """
    scores = engine.scores(to_records(engine, service, unseen))
    pairs = [(parity.predictions(estimator, model_input(service, unseen)), scores)]
    if compiled.thresholds:  # a linear or text model has no splits
        asked = parity.threshold_rows(estimator, compiled.columns, unseen, most=LIMITS_TRIED, seed=seed)
        limits = engine.score_rows(parity.to_rows(asked, compiled.columns).tolist())
        pairs.append((parity.predictions(estimator, model_input(service, asked)), limits))
    golden_scores = engine.scores([engine.read(row.record) for row in golden_rows])
    pairs.append((np.array([row.scores for row in golden_rows]), golden_scores))
    expected, actual = (np.concatenate(side) for side in zip(*pairs, strict=True))
    cut = [engine.settings.threshold] if service.target.task.kind == "binary" else []
    found = parity.prove(expected, actual, thresholds=cut)
    found.require()
    return ParityResult(found.rows, evaluate.bound(found.worst), found.tolerance, found.flips), scores


def to_records(engine: Engine, service: Service, frame: pd.DataFrame) -> list[msgspec.Struct]:
    """Rows of a frame as records of the engine, whose fields without a column take their defaults."""
    plain = frame.astype(object).where(frame.notna(), None)
    names = [(field, field.columns) for field in service.columns.fields]
    return [
        engine.read({field.name: _from_row(field, row, columns) for field, columns in names})
        for row in plain.to_dict("records")
    ]


def describe(estimator: Any) -> str:
    """The classes of a pipeline's steps: `ColumnTransformer, HistGradientBoostingClassifier`."""
    steps = getattr(estimator, "steps", None)
    return ", ".join(type(step).__name__ for _, step in steps) if steps else type(estimator).__name__


def _from_row(field: Field, row: Mapping[Any, Any], columns: tuple[str, ...]) -> Any:
    """The value that a client would send, where a frame holds nothing but floats and strings."""
    if field.names:
        return [row[name] for name in columns]
    value = row[columns[0]]
    if value is None or field.type not in ("boolean", "integer"):
        return value
    return bool(value) if field.type == "boolean" else int(value)


def _golden_rows(
    service: Service, estimator: Any, frame: pd.DataFrame, compiled: CompiledPlan, seed: int
) -> list[GoldenRow]:
    rows = golden.golden_records(service.columns.fields, frame, compiled.thresholds, seed=seed)
    asked = golden.to_frame(service.columns.fields, [record for _, record in rows])
    scores = parity.predictions(estimator, model_input(service, asked))
    return golden.with_scores(rows, scores, parity.TOLERANCE)


def _holdout(service: Service, rows: LabelledRows, test: np.ndarray) -> bytes:
    """The first test rows with their targets, one JSON object a line."""
    chosen = test[:HOLDOUT]
    frame = rows.features.iloc[chosen].assign(**{service.target.task.target: rows.targets[chosen]})
    plain = frame.astype(object).where(frame.notna(), None)
    return b"".join(formats.canonical(row) + b"\n" for row in plain.to_dict("records"))


def _lay_out(
    contract: Contract,
    compiled: CompiledPlan,
    settings: Settings,
    golden_rows: list[GoldenRow],
    kept: Any,
    evaluation: Evaluation,
    lineage: DataLineage,
    described: str,
) -> dict[str, bytes]:
    return {
        **compiled.files,
        manifest.CONTRACT: formats.canonical(contract),
        manifest.PLAN: formats.canonical(compiled.plan),
        manifest.SETTINGS: formats.canonical(settings),
        manifest.GOLDEN: b"".join(formats.canonical(row) + b"\n" for row in golden_rows),
        manifest.REFERENCE: formats.canonical(kept),
        manifest.EVALUATION: formats.canonical(evaluation),
        manifest.DATA: formats.canonical(lineage),
        manifest.CARD: described.encode(),
        manifest.LOCK: write_lock(),
    }
