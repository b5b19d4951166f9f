"""Metrics as a user names them; how each is computed is in towpath.training.metrics."""

from towpath.core.measures import NEEDS_DECISION, Measure, MetricKind, Payoffs

__all__ = ["NEEDS_DECISION", "Metric", "MetricKind"]
Metric = Measure


def auc(of: str | None = None, *, name: str = "") -> Measure:
    """Area under the ROC curve of the positive class; of several classes, of the named one against the rest."""
    return Measure("auc", of, called=name)


def average_precision(of: str | None = None, *, name: str = "") -> Measure:
    """Area under the precision-recall curve, a step function; says more than auc where the class is rare."""
    return Measure("average_precision", of, called=name)


def accuracy() -> Measure:
    """Share of right decisions."""
    return Measure("accuracy")


def balanced_accuracy() -> Measure:
    """Mean recall over the classes, each counting alike however rare it is."""
    return Measure("balanced_accuracy")


def f1(of: str, *, name: str = "") -> Measure:
    """Harmonic mean of precision and recall of one class, never a weighted mean over classes."""
    return Measure("f1", of, called=name)


def precision(of: str, *, name: str = "") -> Measure:
    """Of the rows decided to be this class, the share that are."""
    return Measure("precision", of, called=name)


def recall(of: str, *, name: str = "") -> Measure:
    """Of the rows of this class, the share decided to be."""
    return Measure("recall", of, called=name)


def specificity(of: str, *, name: str = "") -> Measure:
    """Of the rows of other classes, the share decided not to be this one."""
    return Measure("specificity", of, called=name)


def mcc(of: str | None = None, *, name: str = "") -> Measure:
    """Matthews' correlation of decision and truth for one class, -1 to 1; 0 is chance, whatever the classes' shares."""
    return Measure("mcc", of, called=name)


def lift_at(share: float, of: str | None = None, *, name: str = "") -> Measure:
    """How many times more often the class occurs among the share of rows with the highest scores than in all."""
    return Measure("lift_at", of, share, called=name)


def precision_at(share: float, of: str | None = None, *, name: str = "") -> Measure:
    """How often the class occurs among the share of rows with the highest scores."""
    return Measure("precision_at", of, share, called=name)


def value_of(*, tp: float, fp: float, fn: float, tn: float, unit: str, name: str = "") -> Measure:
    """What a decision is worth on average, from what each of its four outcomes is worth; costs are negative.

    `value_of(tp=690, fp=-20, fn=0, tn=0, unit="USD")`: an offer costs 20, and a customer kept by it is worth 690.
    """
    return Measure("value", payoffs=Payoffs(tp, fp, fn, tn, unit), called=name)


def brier() -> Measure:
    """Mean squared distance of the probability from what happened."""
    return Measure("brier")


def log_loss() -> Measure:
    """Mean negative log-likelihood, in nats."""
    return Measure("log_loss")


def ece() -> Measure:
    """Expected calibration error: how far probabilities are from what happened, on average over ten equal bins."""
    return Measure("ece")


def r2() -> Measure:
    """Share of the variance explained."""
    return Measure("r2")


def rmse() -> Measure:
    """Root of the mean squared error, in the target's unit."""
    return Measure("rmse")


def mae() -> Measure:
    """Mean absolute error, in the target's unit."""
    return Measure("mae")


def mape() -> Measure:
    """Mean absolute error as a share of the true value; not defined where one is 0."""
    return Measure("mape")


def median_ae() -> Measure:
    """Median absolute error, in the target's unit; a few far-off rows do not move it."""
    return Measure("median_ae")
