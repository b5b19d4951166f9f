"""Two models on the same rows: what each metric's difference means, and what they mean together."""

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from towpath.core import formats
from towpath.core.evaluation import GateResult
from towpath.core.measures import SHARES, Measure

Verdict = Literal["better", "equal", "worse", "inconclusive", "missing"]

UNKNOWN_CHAMPION = "a bundle knows no champion; towpath pack and towpath compare ask it"

SHARE_MARGIN = 0.01  # a hundredth of accuracy or F1: what one more month of data moves as well
PART_MARGIN = 0.01  # of the other's value, where a metric has a unit: an error of 4,278 or 4,300 is the same


class MetricDelta(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """One metric of both models, and the paired difference ours - other with its 95 % interval.

    verdict says what it means for ours, whichever direction is better; below the margin a difference does not matter.
    decides: whether the verdict on the models hangs on it.
    """

    name: str
    verdict: Verdict
    ours: float | None = None
    other: float | None = None
    delta: float = 0.0
    low: float = 0.0
    high: float = 0.0
    p: float = 1.0
    margin: float = 0.0
    sign: int = 1
    decides: bool = False


class Comparison(
    Struct, frozen=True, tag_field="format", tag=formats.COMPARISON, omit_defaults=True, forbid_unknown_fields=True
):
    """Two models by name and bundle id, the rows that both answered, and every metric."""

    ours: str
    our_bundle: str
    other: str
    other_bundle: str
    rows: int
    told_rows: str
    metrics: tuple[MetricDelta, ...]
    verdict: Verdict
    gates: tuple[GateResult, ...] = ()
    our_data: tuple[str, ...] = ()
    other_data: tuple[str, ...] = ()

    def metric(self, name: str) -> MetricDelta | None:
        return next((metric for metric in self.metrics if metric.name == name), None)


def usual_margin(measure: Measure, other: float) -> float:
    """0.01 for metrics that are at most 1 of which more is better, a hundredth of the other's value for the rest.

    mcc and r2 are 0 of a model that knows nothing: a hundredth of that would be no margin at all.
    """
    if (measure.kind in SHARES and measure.sign > 0) or measure.kind in ("mcc", "r2"):
        return SHARE_MARGIN
    return abs(other) * PART_MARGIN


def judge(low: float, high: float, margin: float) -> Verdict:
    """What an interval of the improvement means: positive is better.

    >>> judge(0.002, 0.03, 0.01), judge(-0.004, 0.006, 0.01), judge(-0.05, -0.001, 0.01), judge(-0.02, 0.03, 0.01)
    ('better', 'equal', 'worse', 'inconclusive')
    """
    if -margin <= low and high <= margin:
        return "equal"
    return "better" if low > 0 else "worse" if high < 0 else "inconclusive"


def overall(metrics: Sequence[MetricDelta]) -> Verdict:
    """The verdict of the metrics that decide, the worst of them first; a metric that one side lacks is the worst."""
    if any(metric.verdict == "missing" for metric in metrics):
        return "missing"
    found = [metric.verdict for metric in metrics if metric.decides]
    order: list[Verdict] = ["worse", "inconclusive", "better", "equal"]
    return next((verdict for verdict in order if verdict in found), "inconclusive")


def no_worse(gate: str, metric: MetricDelta | None, margin: float) -> GateResult:
    """Non-inferiority: passes where the whole interval lies above -margin, fails where all of it lies below."""
    if metric is None or metric.ours is None or metric.other is None:
        return GateResult(gate, "fail", "one of the two has no number for it on these rows")
    low, high = sorted((metric.sign * metric.low, metric.sign * metric.high))
    verdict: Literal["pass", "fail", "inconclusive"] = "inconclusive"
    if low >= -margin:
        verdict = "pass"
    elif high < -margin:
        verdict = "fail"
    told = f"{metric.name} {metric.ours:.4f}, the champion's {metric.other:.4f}"
    return GateResult(gate, verdict, f"{told}: {metric.delta:+.4f} [{metric.low:+.4f}, {metric.high:+.4f}]")
