"""The stage `fit`: choose the threshold, fit, compile and prove. The estimator itself is not kept, this is."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import pandas as pd

from towpath.core.evaluation import ParityResult
from towpath.core.golden import GoldenRow
from towpath.core.plan import Finish, Plan, PredictionInterval
from towpath.core.settings import Settings
from towpath.data.plain import plain, sendable
from towpath.data.table import LabelledRows
from towpath.declare.service import Service, Threshold
from towpath.engine.contributions import Contribution
from towpath.engine.engine import Engine, build_engine
from towpath.training import evaluate, golden, intervals, parity
from towpath.training.compiled import CompiledPlan, compile_plan, with_intervals
from towpath.training.fit import choose_threshold, cross_validated_scores, fit, model_input, predict

HOLDOUT = 1_000  # rows kept aside, which diffs and comparisons use
LIMITS_TRIED = 20_000  # rows on and just beyond the limits of splits; a share of a large forest's, all of a small one's

Say = Callable[[str], None]


@dataclass(frozen=True)
class Fitted:
    """Everything later stages need of a fitted estimator; none of it is a Python object of scikit-learn's.

    scores: float64 (test rows, outputs), by the engine. contributions: of the first HOLDOUT test rows. out_of_fold:
    float64 (training rows, outputs), each row's scores by a model that has not seen it, or (0, 0) where nothing asked
    for them. estimator: the classes of the pipeline's steps, for people.
    """

    plan: Plan
    files: dict[str, bytes]
    settings: Settings
    golden: tuple[GoldenRow, ...]
    parity: ParityResult
    scores: np.ndarray
    out_of_fold: np.ndarray
    contributions: tuple[Contribution, ...]
    additivity: float | None
    estimator: str

    @property
    def intervals(self) -> tuple[PredictionInterval, ...]:
        """The prediction intervals of the plan's last step."""
        finish = self.plan.steps[-1]
        return finish.intervals if isinstance(finish, Finish) else ()


def learn_and_prove(
    service: Service, rows: LabelledRows, learn: np.ndarray, test: np.ndarray, *, seed: int, say: Say
) -> Fitted:
    """Fit on the rows `learn` alone and prove on the rows `test`, whose targets are not looked at.

    Raises VerificationRefused where the estimator cannot be compiled or is not proved.
    """
    known, targets, unseen = rows.features.iloc[learn], rows.targets[learn], rows.features.iloc[test]
    out_of_fold = np.empty((0, 0))
    asked = intervals.levels(service)
    if isinstance(service.threshold, Threshold) or asked:
        say(f"choosing {'the interval' if asked else 'the threshold'} on {len(learn)} training rows")
        out_of_fold = cross_validated_scores(service, known, targets, seed=seed)
    settings = Settings(choose_threshold(service, targets, out_of_fold))
    say(f"fitting on {len(learn)} training rows")
    estimator = fit(service, known, targets, seed=seed)

    say("compiling")
    compiled = compile_plan(service, estimator, known)
    compiled = with_intervals(compiled, [intervals.calibrate(level, targets, out_of_fold[:, 0]) for level in asked])
    engine = build_engine(service.contract(), compiled.plan, settings, compiled.files)
    say("proving that the compiled model answers as scikit-learn does")
    expected = predict(service, estimator, model_input(service, unseen), "the test rows")
    golden_rows = _golden_rows(service, estimator, known, compiled, seed)
    proved, scores = prove(service, estimator, engine, compiled, unseen, expected, golden_rows, seed=seed)
    engine.check(golden_rows)
    first = to_records(engine, service, unseen.iloc[:HOLDOUT])
    contributions = list(engine.contributions(first)) if compiled.explained else []
    return Fitted(
        compiled.plan,
        compiled.files,
        settings,
        tuple(golden_rows),
        proved,
        scores,
        out_of_fold,
        tuple(contributions),
        evaluate.additivity(engine, scores, contributions) if contributions else None,
        name_steps(estimator),
    )


def prove(
    service: Service,
    estimator: Any,
    engine: Engine,
    compiled: CompiledPlan,
    unseen: pd.DataFrame,
    expected: np.ndarray,
    golden_rows: list[GoldenRow],
    *,
    seed: int,
) -> tuple[ParityResult, np.ndarray]:
    """Compare engine and scikit-learn on unseen rows, on rows at the limits of the trees' splits, and on golden rows.

    expected: scikit-learn's scores of the unseen rows. Returns the result and the engine's scores of the same rows.
    Raises VerificationRefused naming the worst rows.
    """
    scores = engine.scores(to_records(engine, service, unseen))
    given = model_input(service, unseen)
    pairs = [(expected, scores)]
    if compiled.thresholds:  # a linear or text model has no splits
        asked = parity.threshold_rows(estimator, compiled.columns, given, most=LIMITS_TRIED, seed=seed)
        limits = engine.score_rows(parity.to_rows(asked, compiled.columns).tolist())
        pairs.append((predict(service, estimator, asked, "rows at the limits of splits"), limits))
    golden_scores = engine.scores([engine.read(row.record) for row in golden_rows])
    pairs.append((np.array([row.scores for row in golden_rows]), golden_scores))
    theirs, ours = (np.concatenate(side) for side in zip(*pairs, strict=True))
    cut = [engine.settings.threshold] if service.target.task.kind == "binary" else []
    found = parity.prove(theirs, ours, compiled.tolerance, cut)
    found.require()
    return ParityResult(found.rows, evaluate.bound(found.worst), found.tolerance, found.flips), scores


def to_records(engine: Engine, service: Service, frame: pd.DataFrame) -> list[msgspec.Struct]:
    """Rows of a frame as records of the engine, whose fields without a column take their defaults."""
    fields, rows = service.columns.fields, plain(frame).to_dict("records")
    return [engine.read({field.name: sendable(field, row) for field in fields}) for row in rows]


def name_steps(estimator: Any) -> str:
    """The classes of a pipeline's steps: `ColumnTransformer, HistGradientBoostingClassifier`."""
    steps = getattr(estimator, "steps", None)
    return ", ".join(type(step).__name__ for _, step in steps) if steps else type(estimator).__name__


def _golden_rows(
    service: Service, estimator: Any, frame: pd.DataFrame, compiled: CompiledPlan, seed: int
) -> list[GoldenRow]:
    rows = golden.golden_records(service.columns.fields, frame, compiled.thresholds, seed=seed)
    asked = golden.to_frame(service.columns.fields, [record for _, record in rows])
    scores = predict(service, estimator, model_input(service, asked), "rows that a client may send")
    return golden.with_scores(rows, scores, compiled.tolerance)
