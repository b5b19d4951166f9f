"""Metrics as a user names them; how each is computed is in towpath.training.metrics."""

from typing import Literal

from msgspec import Struct

MetricKind = Literal["auc", "accuracy", "f1", "precision", "recall", "brier", "log_loss", "r2", "rmse"]
NEEDS_DECISION = frozenset({"accuracy", "f1", "precision", "recall"})


class Metric(Struct, frozen=True):
    """A metric to measure; `of` names the class of interest of those that have one."""

    kind: MetricKind
    of: str | None = None

    @property
    def name(self) -> str:
        return self.kind


def auc() -> Metric:
    """Area under the ROC curve of the positive class."""
    return Metric("auc")


def accuracy() -> Metric:
    """Share of right decisions."""
    return Metric("accuracy")


def f1(of: str) -> Metric:
    """Harmonic mean of precision and recall of one class, never a weighted mean over classes."""
    return Metric("f1", of)


def precision(of: str) -> Metric:
    """Of the rows decided to be this class, the share that are."""
    return Metric("precision", of)


def recall(of: str) -> Metric:
    """Of the rows of this class, the share decided to be."""
    return Metric("recall", of)


def brier() -> Metric:
    """Mean squared distance of the probability from what happened."""
    return Metric("brier")


def log_loss() -> Metric:
    """Mean negative log-likelihood, in nats."""
    return Metric("log_loss")


def r2() -> Metric:
    """Share of the variance explained."""
    return Metric("r2")


def rmse() -> Metric:
    """Root of the mean squared error, in the target's unit."""
    return Metric("rmse")
