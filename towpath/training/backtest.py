"""A backtest: fitted again on the earlier rows alone, measured on the later ones, as it will be used."""

from collections.abc import Iterator

import numpy as np

from towpath.core.errors import UsageError
from towpath.core.evaluation import Backtest, Spread
from towpath.data.table import LabelledRows
from towpath.declare.backtest import By
from towpath.declare.service import Service
from towpath.training import metrics
from towpath.training.fit import fit, model_input, predict
from towpath.training.groups import FEWEST
from towpath.training.metrics import Predicted, settle


def run_backtest(service: Service, by: By, rows: LabelledRows, threshold: float, *, seed: int) -> Backtest:
    """One fit on the earlier rows, and one more for each rolling origin.

    Rows without a value of the field have no place in time and are left out. Raises UsageError where a side is too
    small to say anything.
    """
    moments = moments_of(by, rows)
    cut = latest(moments, by.last)
    earlier, later = np.flatnonzero(moments < cut), np.flatnonzero(moments >= cut)
    found = metrics.measure_all(
        service.metrics, answered(service, by, rows, earlier, later, threshold, seed), seed=seed
    )
    measured = tuple(metric for metric in found.values() if metric)
    origins = tuple(rolling(service, by, rows, moments, threshold, seed)) if by.origins else ()
    return Backtest(by.field, cut, float(moments[earlier].max()), len(earlier), len(later), measured, origins)


def moments_of(by: By, rows: LabelledRows) -> np.ndarray:
    """When each row was, float64 (rows,); NaN where that is not known."""
    frame = rows.features if by.field in rows.features else rows.others
    if by.field not in frame:
        raise UsageError(f"backtest: the data has no column {by.field}", hint="order the rows by another field")
    return frame[by.field].to_numpy(np.float64)


def latest(moments: np.ndarray, share: float) -> float:
    """The value from which on about this share of the rows lies. Rows of one moment stay together, so none is split."""
    distinct, counts = np.unique(moments[~np.isnan(moments)], return_counts=True)
    if len(distinct) < 2:
        raise UsageError("backtest: all rows are of one moment", hint="order the rows by another field")
    later = counts[::-1].cumsum()[::-1] / counts.sum()
    return float(distinct[1:][np.abs(later[1:] - share).argmin()])


def answered(
    service: Service, by: By, rows: LabelledRows, learn: np.ndarray, test: np.ndarray, threshold: float, seed: int
) -> Predicted:
    """What a model of the rows `learn` alone says about the rows `test`."""
    _refuse_too_little(service, by, rows, learn, test)
    fitted = fit(service, rows.features.iloc[learn], rows.targets[learn], seed=seed)
    scores = predict(service, fitted, model_input(service, rows.features.iloc[test]), "the later rows of the backtest")
    return metrics.predicted(service.target.task, rows.targets[test], scores, threshold)


def rolling(
    service: Service, by: By, rows: LabelledRows, moments: np.ndarray, threshold: float, seed: int
) -> Iterator[Spread]:
    """Each metric over origins that move on through time: learn all before, answer for the part after."""
    folds = [answered(service, by, rows, learn, test, threshold, seed) for learn, test in origins(moments, by.origins)]
    for metric in service.metrics:
        found = [metrics.value_of(metric, one) for one in folds]
        if all(np.isfinite(found)):
            yield spread(metric.name, found)


def origins(moments: np.ndarray, count: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Positions to learn from and to answer for: the rows in count + 1 parts, each answered for by all before it."""
    known = np.sort(moments[~np.isnan(moments)])
    cuts = np.unique(known[[len(known) * part // (count + 1) for part in range(1, count + 1)]])
    ends = [*cuts[1:], np.inf]
    for start, end in zip(cuts, ends, strict=True):
        learn, test = np.flatnonzero(moments < start), np.flatnonzero((moments >= start) & (moments < end))
        if len(learn) and len(test):
            yield learn, test


def spread(name: str, found: list[float]) -> Spread:
    return Spread(name, settle(float(np.mean(found))), settle(float(np.std(found))), tuple(map(settle, found)))


def _refuse_too_little(service: Service, by: By, rows: LabelledRows, learn: np.ndarray, test: np.ndarray) -> None:
    if np.intersect1d(learn, test).size:
        raise AssertionError("a training row is among those that are answered for")
    if min(len(learn), len(test)) < FEWEST:
        raise UsageError(
            f"backtest: {len(learn)} rows lie before a cut by {by.field}, {len(test)} after; each side needs {FEWEST}",
            hint="choose another share, fewer origins, or another field",
        )
    classes = service.target.task.classes
    if missing := sorted(set(range(len(classes))) - set(np.unique(rows.targets[learn]).tolist())) if classes else []:
        raise UsageError(
            f"backtest: the earlier rows by {by.field} hold no {', '.join(classes[one] for one in missing)}",
            hint="choose a smaller share, fewer origins, or another field",
        )
