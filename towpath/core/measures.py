"""What can be measured: the definition of a metric as data, its direction and its range. How is in training."""

from typing import Literal

from msgspec import Struct

MetricKind = Literal[
    "auc", "average_precision", "accuracy", "balanced_accuracy", "f1", "precision", "recall", "specificity", "mcc",
    "lift_at", "precision_at", "brier", "log_loss", "ece", "value", "r2", "rmse", "mae", "mape", "median_ae",
]  # fmt: skip
NEEDS_DECISION = frozenset(
    {"accuracy", "balanced_accuracy", "f1", "precision", "recall", "specificity", "mcc", "value"}
)
OF_A_CLASS = frozenset({"f1", "precision", "recall", "specificity", "mcc"})
RANKING = frozenset({"auc", "average_precision", "lift_at", "precision_at"})
REGRESSION = frozenset({"r2", "rmse", "mae", "mape", "median_ae"})
LOWER_IS_BETTER = frozenset({"brier", "log_loss", "ece", "rmse", "mae", "mape", "median_ae"})
SHARES = frozenset(
    {"auc", "average_precision", "accuracy", "balanced_accuracy", "f1", "precision", "recall", "specificity",
     "precision_at", "brier", "ece"}
)  # fmt: skip
"""Metrics that lie between 0 and 1."""


class Payoffs(Struct, frozen=True, forbid_unknown_fields=True):
    """What each outcome of a decision is worth, in one unit; a cost is negative."""

    tp: float
    fp: float
    fn: float
    tn: float
    unit: str


class Measure(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """A metric to measure.

    of: the class of interest, of the kinds that have one; share: the part of the rows with the highest scores that is
    looked at; called: its name, where the kind alone would name two metrics of a service alike.
    """

    kind: MetricKind
    of: str | None = None
    share: float | None = None
    payoffs: Payoffs | None = None
    called: str = ""

    @property
    def name(self) -> str:
        """`auc`, `lift_at_0.1`, or the name that was given."""
        return self.called or (f"{self.kind}_{self.share:g}" if self.share is not None else self.kind)

    @property
    def unit(self) -> str:
        return self.payoffs.unit if self.payoffs else ""

    @property
    def sign(self) -> int:
        """1 where more is better, -1 where less is."""
        return -1 if self.kind in LOWER_IS_BETTER else 1
