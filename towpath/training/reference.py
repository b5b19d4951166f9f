"""reference.json: what held-out features and scores look like, against which live traffic will be compared."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from towpath.core import sketch
from towpath.core.contract import Field
from towpath.core.sketch import Reference, Sketch
from towpath.declare.columns import Columns
from towpath.declare.derived import Derived
from towpath.engine.contributions import Contribution
from towpath.training.derived import with_derived


def make_reference(
    columns: Columns, frame: pd.DataFrame, scores: np.ndarray, threshold: float, importances: dict[str, float]
) -> Reference:
    """Sketches of the held-out rows: each feature column, each derived column and each score."""
    frame = with_derived(columns, frame)
    features = tuple(found for field in columns.fields for found in _feature(field, frame))
    features += tuple(_derived(one, frame[one.name]) for one in columns.derived)
    edges = [threshold] if scores.shape[1] == 1 else []
    kept = tuple(_scores(f"score[{output}]", scores[:, output], edges) for output in range(scores.shape[1]))
    return Reference(len(frame), features, kept, importances)


def mean_importances(contributions: Sequence[Contribution]) -> dict[str, float]:
    """The mean absolute contribution of each column over rows and outputs, largest first."""
    totals: dict[str, float] = {}
    for contribution in contributions:
        for output in contribution.parts:
            for name, part in output.items():
                totals[name] = totals.get(name, 0.0) + abs(part)
    count = sum(len(contribution.parts) for contribution in contributions) or 1
    return dict(sorted(((name, total / count) for name, total in totals.items()), key=lambda item: -item[1]))


def _feature(field: Field, frame: pd.DataFrame) -> list[Sketch]:
    if field.choices:
        return [sketch.sketch_categories(field.name, frame[field.name].tolist(), field.choices)]
    if field.type == "string":
        lengths = frame[field.name].map(lambda text: float(len(text)) if isinstance(text, str) else np.nan).to_numpy()
        return [_numbers(f"{field.name}.length", lengths)]
    return [_numbers(name, frame[name].to_numpy(np.float64)) for name in field.columns]


def _derived(one: Derived, values: pd.Series) -> Sketch:
    """A text without choices by the categories that are most common here; all others are counted as unseen."""
    if one.kind == "number":
        return _numbers(one.name, values.to_numpy(np.float64))
    common = sorted(values.value_counts().sort_index(kind="stable").nlargest(sketch.FEATURE_BINS).index)
    return sketch.sketch_categories(one.name, values.tolist(), one.choices or common)


def _numbers(name: str, values: np.ndarray) -> Sketch:
    return sketch.sketch_numbers(name, values, sketch.quantile_edges(values, sketch.FEATURE_BINS))


def _scores(name: str, values: np.ndarray, also: Sequence[float]) -> Sketch:
    return sketch.sketch_numbers(name, values, sketch.quantile_edges(values, sketch.SCORE_BINS, also))
