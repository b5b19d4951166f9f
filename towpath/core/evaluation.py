"""evaluation.json: what was measured on rows the training never saw, with confidence intervals; gates; parity."""

from typing import Literal

from msgspec import Struct

from towpath.core import formats

Verdict = Literal["pass", "fail", "inconclusive", "error"]


class Metric(Struct, frozen=True, forbid_unknown_fields=True):
    """A value with its 95 % confidence interval, over a number of rows."""

    name: str
    value: float
    low: float
    high: float
    rows: int

    def __str__(self) -> str:
        return f"{self.name} {self.value:.4f} [{self.low:.4f}, {self.high:.4f}]"


class SliceMetric(Struct, frozen=True, forbid_unknown_fields=True):
    """A metric on the rows of one group; None where it is not defined on them, as recall without a row of the class."""

    field: str
    group: str
    name: str
    metric: Metric | None


class GateResult(Struct, frozen=True, forbid_unknown_fields=True):
    """A gate, its verdict and the sentence that says why."""

    gate: str
    verdict: Verdict
    reason: str


class ParityResult(Struct, frozen=True, forbid_unknown_fields=True):
    """How far the compiled model is from scikit-learn's, at worst, over unseen rows and rows on tree thresholds."""

    rows: int
    worst: float
    tolerance: float
    flips: int


class Evaluation(
    Struct, frozen=True, tag_field="format", tag=formats.EVALUATION, omit_defaults=True, forbid_unknown_fields=True
):
    """Everything measured about a candidate; undefined names the metrics that these rows give no number for."""

    rows: int
    metrics: tuple[Metric, ...]
    parity: ParityResult
    gates: tuple[GateResult, ...] = ()
    slices: tuple[SliceMetric, ...] = ()
    additivity: float | None = None
    undefined: tuple[str, ...] = ()

    def metric(self, name: str) -> Metric | None:
        return next((metric for metric in self.metrics if metric.name == name), None)
