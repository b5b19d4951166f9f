"""evaluation.json: what was measured on rows the training never saw, with confidence intervals; gates; parity."""

from typing import Literal

from msgspec import Struct

from towpath.core import formats
from towpath.core.measures import Measure
from towpath.core.quality import DataQuality

Verdict = Literal["pass", "fail", "inconclusive", "error"]


class Metric(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """A value with its 95 % confidence interval, over a number of rows; in a unit where it has one."""

    name: str
    value: float
    low: float
    high: float
    rows: int
    unit: str = ""

    def __str__(self) -> str:
        return f"{self.name} {self.value:.4f} [{self.low:.4f}, {self.high:.4f}]" + (
            f" {self.unit}" if self.unit else ""
        )


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


class Delta(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """How much a metric differs from another model's on the same rows: value - other.

    low and high are the 95 % interval over the same resamples of both; p how likely a difference this far from zero is.
    """

    name: str
    other: float
    delta: float
    low: float
    high: float
    p: float


class Baseline(Struct, frozen=True, forbid_unknown_fields=True):
    """What a model without any features reaches: `prior` says the classes' shares, `median` the middle value."""

    kind: Literal["prior", "median"]
    deltas: tuple[Delta, ...]


class CalibrationBin(Struct, frozen=True, forbid_unknown_fields=True):
    """Rows whose probabilities lie close together: what was said on average, and how often it happened."""

    rows: int
    said: float
    happened: float
    low: float
    high: float


class GroupRates(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """How one group is decided about. None where its rows give no number, and all None below 30 rows.

    selected: share decided to be positive. impact: selected, as a share of the most selected group's.
    """

    group: str
    rows: int
    selected: float | None = None
    recall: float | None = None
    false_positives: float | None = None
    precision: float | None = None
    impact: float | None = None


class Fairness(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """The groups of one field, side by side.

    impact: the smallest group's share of decisions over the largest's, with its interval; four fifths is the usual
    bound. gap: the largest recall less the smallest. reference: the group selected most. small: groups below 30 rows.
    """

    field: str
    groups: tuple[GroupRates, ...]
    reference: str = ""
    impact: Metric | None = None
    gap: Metric | None = None
    small: tuple[str, ...] = ()


class Segment(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """The error on the rows of one group, with its 95 % interval; above: its low end is above the error of all rows."""

    field: str
    group: str
    rows: int
    error: float
    low: float
    high: float
    above: bool = False


class Segments(Struct, frozen=True, forbid_unknown_fields=True):
    """Of all groups with 30 rows or more the ten with the largest error, by the low end of its interval.

    That they come first may be chance: the model errs most only on those that are `above`.
    error is what is measured: `error_rate`, the share of wrong decisions, or `mae`, the mean absolute error.
    """

    error: str
    overall: float
    looked_at: int
    worst: tuple[Segment, ...]

    @property
    def above(self) -> tuple[Segment, ...]:
        """Those whose whole interval lies above the error of all rows; often none."""
        return tuple(one for one in self.worst if one.above)


class Spread(Struct, frozen=True, forbid_unknown_fields=True):
    """A metric over folds: its mean, its standard deviation between them, and each fold's value."""

    name: str
    mean: float
    sd: float
    folds: tuple[float, ...]


class Backtest(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Fitted again on the earlier rows alone, measured on the later ones; cut is the first later value of the field.

    train_to is the last value that was learnt from, so it lies below cut: no row is on both sides.
    origins: the metrics over rolling origins, where several were asked for.
    """

    field: str
    cut: float
    train_to: float
    train_rows: int
    test_rows: int
    metrics: tuple[Metric, ...]
    origins: tuple[Spread, ...] = ()


class IntervalCoverage(Struct, frozen=True, forbid_unknown_fields=True):
    """The share of true values that lie within a prediction interval, with its 95 % interval; `level` was promised.

    width: the median from the lower end to the upper, in the target's unit.
    """

    level: float
    covered: float
    low: float
    high: float
    rows: int
    width: float


class Evaluation(
    Struct, frozen=True, tag_field="format", tag=formats.EVALUATION, omit_defaults=True, forbid_unknown_fields=True
):
    """Everything measured about a candidate; undefined names the metrics that these rows give no number for.

    measures define the metrics, so that they can be measured again elsewhere. confusion counts rows by their true
    class, then by the decided one. cross_validation is over the training rows.
    """

    rows: int
    metrics: tuple[Metric, ...]
    parity: ParityResult
    gates: tuple[GateResult, ...] = ()
    slices: tuple[SliceMetric, ...] = ()
    additivity: float | None = None
    undefined: tuple[str, ...] = ()
    measures: tuple[Measure, ...] = ()
    baseline: Baseline | None = None
    confusion: tuple[tuple[int, ...], ...] = ()
    calibration: tuple[CalibrationBin, ...] = ()
    fairness: tuple[Fairness, ...] = ()
    segments: Segments | None = None
    cross_validation: tuple[Spread, ...] = ()
    backtest: Backtest | None = None
    intervals: tuple[IntervalCoverage, ...] = ()
    data_quality: DataQuality = DataQuality()

    def metric(self, name: str) -> Metric | None:
        return next((metric for metric in self.metrics if metric.name == name), None)
