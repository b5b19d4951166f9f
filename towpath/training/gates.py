"""Answer the gates of a declaration from what was measured."""

from collections.abc import Sequence

import pandas as pd

from towpath.core.comparison import UNKNOWN_CHAMPION
from towpath.core.evaluation import Fairness, GateResult, Metric, SliceMetric, Verdict
from towpath.core.measures import Measure
from towpath.declare.gates import Champion, Fair, Gate, Limit, Slices
from towpath.training import metrics
from towpath.training.groups import FEWEST, Group, groups_of
from towpath.training.metrics import Predicted


def pass_gates(
    gates: Sequence[Gate],
    measured: Sequence[Metric],
    sliced: Sequence[SliceMetric],
    fairness: Sequence[Fairness] = (),
) -> tuple[GateResult, ...]:
    """One result for each gate. A metric that is missing or not defined fails: no data never passes."""
    by_name = {metric.name: metric for metric in measured}
    return tuple(_answer(gate, by_name, sliced, fairness) for gate in gates)


def measure_slices(
    gates: Sequence[Gate], wanted: Sequence[Measure], seen: Predicted, rows: pd.DataFrame, *, seed: int
) -> tuple[SliceMetric, ...]:
    """The metric of each slices gate in each group of its field; rows has the fields, one row for each prediction."""
    found = []
    for gate in (gate for gate in gates if isinstance(gate, Slices) and gate.field in rows):
        metric = next((one for one in wanted if one.name == gate.metric), None)
        metric = metric or Measure(gate.metric)  # type: ignore[arg-type]  # the declaration's check knows the kinds
        found += [_sliced(metric, group, seen, seed) for group in groups_of(gate.field, rows[gate.field])]
    return tuple(found)


def _sliced(metric: Measure, group: Group, seen: Predicted, seed: int) -> SliceMetric:
    measured = None if group.is_small else metrics.measure(metric, seen.only(group.rows), seed=seed)
    return SliceMetric(group.field, group.name, metric.name, measured)


def _answer(
    gate: Gate, measured: dict[str, Metric], sliced: Sequence[SliceMetric], fairness: Sequence[Fairness]
) -> GateResult:
    match gate:
        case Limit():
            return _limit(gate, measured.get(gate.metric))
        case Champion():
            return GateResult(str(gate), "inconclusive", UNKNOWN_CHAMPION)
        case Slices():
            return _slices(gate, [one for one in sliced if (one.field, one.name) == (gate.field, gate.metric)])
        case Fair():
            return _fair(gate, next((one for one in fairness if one.field == gate.field), None))


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


def _fair(gate: Fair, found: Fairness | None) -> GateResult:
    """A value inside its limit passes; outside, it fails where its whole 95 % interval is outside, and is inconclusive
    where the interval spans the limit. A group too small to judge lets nothing pass; the others may still fail."""
    if (
        found is None
        or (gate.min_impact is not None and not found.impact)
        or (gate.max_gap is not None and not found.gap)
    ):
        return GateResult(str(gate), "inconclusive", f"{gate.field} has no two groups that give both numbers")
    verdicts: list[Verdict] = ["inconclusive" if found.small else "pass"]
    told = []
    if gate.min_impact is not None and found.impact:
        told.append(f"impact {found.impact.value:.3f} [{found.impact.low:.3f}, {found.impact.high:.3f}]")
        verdicts.append(_kept(found.impact.value - gate.min_impact, found.impact.high - gate.min_impact))
    if gate.max_gap is not None and found.gap:
        told.append(f"recall gap {found.gap.value:.3f} [{found.gap.low:.3f}, {found.gap.high:.3f}]")
        verdicts.append(_kept(gate.max_gap - found.gap.value, gate.max_gap - found.gap.low))
    small = f"; fewer than {FEWEST} rows: {', '.join(found.small)}" if found.small else ""
    order: list[Verdict] = ["fail", "inconclusive", "pass"]
    verdict = next(one for one in order if one in verdicts)
    is_chance = verdict == "inconclusive" in verdicts[1:]
    chance = "; outside the limit, but its interval spans it" if is_chance else ""
    return GateResult(str(gate), verdict, ", ".join(told) + chance + small)


def _kept(inside: float, inside_at_best: float) -> Verdict:
    """By how far a value, and the better end of its interval, are inside a limit."""
    return "pass" if inside >= 0 else "fail" if inside_at_best < 0 else "inconclusive"
