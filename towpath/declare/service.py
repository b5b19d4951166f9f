"""A service as a user declares it: one file of data plus one build() that returns a scikit-learn estimator."""

import contextlib
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from towpath.core.answer import Answer, Item
from towpath.core.contract import Contract, Task
from towpath.core.errors import UsageError
from towpath.core.style import Style
from towpath.declare.columns import Columns
from towpath.declare.data import DataSet, Split, random, stratified
from towpath.declare.gates import Gate
from towpath.declare.metrics import Metric, MetricKind
from towpath.declare.record import Record, read_fields

Build = Callable[[Columns], Any]


class Target(Struct, frozen=True):
    """What is predicted. For classes, `labels` maps the values in the data to them, in order."""

    task: Task
    labels: tuple[Any, ...] = ()
    arrives_within: str = ""


def binary(
    column: str, *, positive: str, negative: str = "", labels: tuple[Any, Any] = (0, 1), arrives_within: str = ""
) -> Target:
    """Two classes. labels are the data's values for negative and positive."""
    return Target(Task("binary", column, (negative or f"not {positive}", positive)), labels, arrives_within)


def multiclass(column: str, *, classes: Sequence[str], labels: Sequence[Any] = ()) -> Target:
    """Several classes, in order. labels are the data's values for them; the names themselves where none are given."""
    return Target(Task("multiclass", column, tuple(classes)), tuple(labels) or tuple(classes))


def regression(column: str) -> Target:
    """A number."""
    return Target(Task("regression", column))


class Threshold(Struct, frozen=True):
    """The decision threshold is the one that is best for a metric, on training rows by cross-validation."""

    metric: MetricKind


def best_for(metric: MetricKind) -> Threshold:
    """`threshold=best_for("f1")`"""
    return Threshold(metric)


class Service:
    """Everything about one service; see docs/declare.md."""

    def __init__(
        self,
        name: str,
        *,
        record: type[Record],
        target: Target,
        data: DataSet,
        answer: Mapping[str, Item],
        split: Split | None = None,
        style: Style | None = None,
        metrics: Sequence[Metric] = (),
        gates: Sequence[Gate] = (),
        threshold: float | Threshold = 0.5,
        title: str = "",
        description: str = "",
        strict: bool = False,
    ):
        self.name = name
        self.record = record
        self.target = target
        self.data = data
        self.answer = dict(answer)
        self.split = split or (random() if target.task.kind == "regression" else stratified())
        self.style = style or Style()
        self.metrics = tuple(metrics)
        self.gates = tuple(gates)
        self.threshold = threshold
        self.title = title or name
        self.description = description
        self.strict = strict
        self.fields, self.record_faults = read_fields(record)
        self.builder: Build | None = None

    def build(self, function: Build) -> Build:
        """Decorator for the function that returns the estimator, unfitted."""
        self.builder = function
        return function

    def estimator(self) -> Any:
        """A new, unfitted estimator."""
        if self.builder is None:
            raise UsageError(f"{self.name} has no build()", hint="write a function under @service.build")
        try:
            with contextlib.redirect_stdout(sys.stderr):  # a result on stdout stays a result alone
                made = self.builder(self.columns)
        except Exception as error:  # the user's own code: whatever it raises is told
            raise UsageError(
                f"build() of {self.name} fails: {type(error).__name__}: {error}", hint="--debug shows where"
            ) from error
        if not hasattr(made, "fit"):
            raise UsageError(
                f"build() of {self.name} returns {made!r}, which is no estimator", hint="return one of scikit-learn"
            )
        return made

    @property
    def columns(self) -> Columns:
        return Columns(tuple(field for field in self.fields if field.role == "feature"))

    def contract(self) -> Contract:
        return Contract(
            service=self.name,
            record=tuple(self.fields),
            task=self.target.task,
            answer=tuple(Answer(name, item) for name, item in self.answer.items()),
            style=self.style,
            title=self.title,
            description=self.description,
            strict=self.strict,
        )
