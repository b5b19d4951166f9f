"""Answer the gates of a declaration from what was measured."""

import numpy as np
import pandas as pd

from towpath.core.evaluation import GateResult, Metric, SliceMetric
from towpath.declare import metrics as declared
from towpath.declare.gates import Champion, Gate, Limit, Slices
from towpath.training import metrics
from towpath.training.metrics import Predicted

FEWEST = 30  # rows of a group; below, its metric says more about chance than about the group


def pass_gates(
    gates: tuple[Gate, ...], measured: tuple[Metric, ...], sliced: tuple[SliceMetric, ...]
) -> tuple[GateResult, ...]:
    """One result for each gate. A metric that is missing or not defined fails: no data never passes."""
    return tuple(_answer(gate, {metric.name: metric for metric in measured}, sliced) for gate in gates)


def measure_slices(
    gates: tuple[Gate, ...], wanted: tuple[declared.Metric, ...], seen: Predicted, rows: pd.DataFrame, *, seed: int
) -> tuple[SliceMetric, ...]:
    """The metric of each slices gate in each group of its field; rows has the fields, one row for each prediction."""
    found = []
    for gate in (gate for gate in gates if isinstance(gate, Slices)):
        metric = next((one for one in wanted if one.kind == gate.metric), declared.Metric(gate.metric))
        for group in sorted(rows[gate.field].dropna().unique().tolist()):
            chosen = np.flatnonzero((rows[gate.field] == group).to_numpy())
            measured = metrics.measure(metric, seen.only(chosen), seed=seed) if len(chosen) >= FEWEST else None
            found.append(SliceMetric(gate.field, str(group), metric.name, measured))
    return tuple(found)


def _answer(gate: Gate, measured: dict[str, Metric], sliced: tuple[SliceMetric, ...]) -> GateResult:
    match gate:
        case Limit():
            return _limit(gate, measured.get(gate.metric))
        case Champion():
            return GateResult(str(gate), "inconclusive", "nothing is released yet that it could be compared with")
        case Slices():
            return _slices(gate, [one for one in sliced if (one.field, one.name) == (gate.field, gate.metric)])


def _limit(gate: Limit, metric: Metric | None) -> GateResult:
    if metric is None:
        return GateResult(str(gate), "fail", f"{gate.metric} is not defined on the test rows")
    kept = metric.value >= gate.at_least if gate.at_least is not None else metric.value <= (gate.at_most or 0.0)
    return GateResult(str(gate), "pass" if kept else "fail", str(metric))


def _slices(gate: Slices, groups: list[SliceMetric]) -> GateResult:
    if len(groups) < 2:
        return GateResult(str(gate), "inconclusive", f"{gate.field} has fewer than two groups")
    if undefined := [one.group for one in groups if one.metric is None]:
        reason = f"{gate.metric} is not defined, or on fewer than {FEWEST} rows, for {', '.join(undefined)}"
        return GateResult(str(gate), "inconclusive", reason)
    values = [one.metric.value for one in groups if one.metric]
    told = ", ".join(f"{one.group} {value:.3f}" for one, value in zip(groups, values, strict=True))
    gap = max(values) - min(values)
    return GateResult(str(gate), "pass" if gap <= gate.max_gap else "fail", f"{told}: gap {gap:.3f}")
