"""Compare two models: both answer the same rows, and each metric's difference is judged by its paired interval."""

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from towpath.core import comparison
from towpath.core.comparison import Comparison, MetricDelta
from towpath.core.errors import UsageError
from towpath.core.evaluation import Delta, GateResult
from towpath.core.measures import OF_A_CLASS, Measure
from towpath.declare.gates import Champion
from towpath.declare.service import Service, Threshold
from towpath.training import metrics, paired
from towpath.training.contender import Contender
from towpath.training.metrics import Predicted
from towpath.training.same_rows import SameRows


def compare(
    service: Service,
    ours: Contender,
    other: Contender,
    rows: SameRows,
    *,
    seed: int,
    margins: Mapping[str, float] | None = None,
) -> Comparison:
    """Every metric that either measured, on rows that neither has learnt from; each decides by its own threshold.

    margins take the place of the usual ones, by a metric's name. Raises UsageError where the two predict different
    things, or a margin is about none of the metrics.
    """
    _require_alike(ours, other)
    wanted = measures_of(ours, other)
    if unknown := sorted(set(margins or {}) - set(wanted)):
        raise UsageError(
            f"a margin is given for {', '.join(unknown)}, which neither of the two measured",
            hint=f"they measured {', '.join(wanted)}",
        )
    said = [_answer(one, rows) for one in (ours, other)]
    found = paired.deltas(list(wanted.values()), *said, seed=seed)
    given = {**gate_margins(service), **(margins or {})}
    deciding = set(deciding_metrics(service, wanted))
    judged = tuple(_judged(wanted[name], found[name], said, given.get(name), name in deciding) for name in wanted)
    sides = (ours.name, ours.bundle, other.name, other.bundle)
    verdict = comparison.overall(judged)
    told = Comparison(*sides, len(rows.targets), rows.told, judged, verdict, (), data_of(ours), data_of(other))
    return msgspec.structs.replace(told, gates=tuple(champion_gates(service, told)))


def measures_of(ours: Contender, other: Contender) -> dict[str, Measure]:
    """By name: what only the other measured is asked of ours too, so that dropping a metric hides nothing."""
    return {one.name: one for side in (other, ours) for one in side.evaluation.measures}


def deciding_metrics(service: Service, wanted: Mapping[str, Measure]) -> list[str]:
    """Those of the gates about a champion; else what the threshold is chosen for; else a class's; else the first."""
    if named := [gate.metric for gate in service.gates if isinstance(gate, Champion) and gate.metric in wanted]:
        return named
    if isinstance(service.threshold, Threshold) and service.threshold.metric in wanted:
        return [service.threshold.metric]
    of_a_class = [name for name, measure in wanted.items() if measure.kind in OF_A_CLASS]
    return (of_a_class or list(wanted))[:1]


def gate_margins(service: Service) -> dict[str, float]:
    return {gate.metric: gate.margin for gate in service.gates if isinstance(gate, Champion)}


def champion_gates(service: Service, found: Comparison) -> Iterator[GateResult]:
    """The service's gates about its champion, the other side being it."""
    for gate in service.gates:
        if isinstance(gate, Champion):
            yield comparison.no_worse(str(gate), found.metric(gate.metric), gate.margin)


def data_of(one: Contender) -> tuple[str, ...]:
    return tuple(source.sha256 for source in one.lineage.sources)


def _require_alike(ours: Contender, other: Contender) -> None:
    if ours.contract.task != other.contract.task:
        tasks = [f"{one.name} predicts {one.contract.task.target} ({_told(one)})" for one in (ours, other)]
        raise UsageError(", ".join(tasks), hint="only models that predict the same can be compared")


def _told(one: Contender) -> str:
    task = one.contract.task
    return ", ".join(task.classes) or task.kind


def _answer(one: Contender, rows: SameRows) -> Predicted:
    threshold = one.engine.settings.threshold
    return metrics.predicted(one.contract.task, rows.targets, one.scores(rows.features), threshold)


def _judged(
    measure: Measure, delta: Delta | None, said: Sequence[Predicted], margin: float | None, decides: bool
) -> MetricDelta:
    if delta is None:
        values = [metrics.value_of(measure, one) for one in said]
        ours, other = (value if value == value else None for value in values)  # NaN is not itself
        return MetricDelta(measure.name, "missing", ours, other, sign=measure.sign, decides=decides)
    margin = comparison.usual_margin(measure, delta.other) if margin is None else margin
    low, high = sorted((measure.sign * delta.low, measure.sign * delta.high))
    return MetricDelta(
        measure.name,
        comparison.judge(low, high, margin),
        metrics.settle(delta.other + delta.delta),
        delta.other,
        delta.delta,
        delta.low,
        delta.high,
        delta.p,
        margin,
        measure.sign,
        decides,
    )
