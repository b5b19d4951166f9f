"""A service as a user declares it: one file of data plus one build() that returns a scikit-learn estimator."""

import contextlib
import difflib
import reprlib
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from towpath.core.answer import Answer, Item
from towpath.core.contract import Contract, Logged, Task
from towpath.core.derive import Operand
from towpath.core.errors import Faulty, UsageError
from towpath.core.style import Style
from towpath.declare.backtest import By
from towpath.declare.columns import Columns
from towpath.declare.data import DataSet, Split, random, stratified
from towpath.declare.derived import resolve
from towpath.declare.gates import Gate
from towpath.declare.metrics import Metric
from towpath.declare.record import Record, read_fields
from towpath.declare.rules import Rule
from towpath.declare.tuning import Search, Space, as_search

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

    metric: str


def best_for(metric: str) -> Threshold:
    """`threshold=best_for("f1")`, or `best_for("value")` where the service measures what its decisions are worth."""
    return Threshold(metric)


def unknown_parameter(name: str, known: Mapping[str, Any]) -> str:
    """What is wrong with a name that the estimator does not have, with the names that it may have been meant for."""
    near = difflib.get_close_matches(name, known, n=3)
    plain = sorted(one for one, value in known.items() if value is None or isinstance(value, bool | int | float | str))
    told = f"is it {' or '.join(near)}?" if near else f"it has {', '.join(plain)}"
    return f"is no parameter of the estimator; {told}"


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
        features: Mapping[str, Operand] | None = None,
        split: Split | None = None,
        style: Style | None = None,
        metrics: Sequence[Metric] = (),
        gates: Sequence[Gate] = (),
        rules: Sequence[Rule] = (),
        fairness: Sequence[str] = (),
        backtest: By | None = None,
        tune: Search | Mapping[str, Space] | None = None,
        threshold: float | Threshold = 0.5,
        title: str = "",
        description: str = "",
        strict: bool = False,
        log: Logged = "ids",
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
        self.rules = tuple(rules)
        self.fairness = tuple(fairness)
        self.backtest = backtest
        self.tune = as_search(tune)
        self.threshold = threshold
        self.title = title or name
        self.description = description
        self.strict = strict
        self.log: Logged = log
        self.fields, self.record_faults = read_fields(record)
        self.derived, self.feature_faults = resolve(features or {}, self.fields)
        self.builder: Build | None = None
        self.params: dict[str, Any] = {}  # set instead of the declared ones

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
                f"build() of {self.name} returns {reprlib.repr(made)}, which is no estimator",
                hint="return one of scikit-learn",
            )
        return self._with_params(made)

    def _with_params(self, made: Any) -> Any:
        """The estimator with the parameters set that take the declared ones' place. Raises Faulty."""
        known = made.get_params(deep=True) if self.params else {}
        if faults := [(f"params.{name}", unknown_parameter(name, known)) for name in self.params if name not in known]:
            raise Faulty(
                f"what is set for {self.name}", faults, hint="the names are those of set_params: step__parameter"
            )
        return made.set_params(**self.params) if self.params else made

    @property
    def columns(self) -> Columns:
        return Columns(tuple(field for field in self.fields if field.role == "feature"), tuple(self.derived))

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
            log=self.log,
        )
