"""A feature is a function of one column of the row: a number after some steps, or one value for each key.

A column with few values is worked out in full, value by value, by the preprocessing itself; so imputers, encoders and
scalers need no graph of their own. Trees and linear models read the features from here.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, Literal, TypeAlias

import numpy as np

from towpath.core.errors import VerificationRefused
from towpath.core.plan import MISSING, Column
from towpath.training.compile.graph import GraphBuilder
from towpath.training.compile.growing import GROWING


class Mark(Enum):
    """What stands where no value can: for a value in no list, and for one that scikit-learn would raise an error."""

    UNLISTED = "unlisted"
    REFUSED = "refused"


Value: TypeAlias = float | str | Mark


StepName = Literal[
    "fill", "subtract", "divide", "multiply", "add", "at_least", "at_most",
    "log", "log2", "log10", "log1p", "sqrt", "exp", "expm1", "yeo_johnson",
]  # fmt: skip


@dataclass(frozen=True)
class Step:
    """One operation in double, as scikit-learn does it, that grows with its number. `fill` replaces a missing one."""

    name: StepName
    operand: float


@dataclass(frozen=True)
class Number:
    """A number column after some steps; all of them grow with the number, so a split on it is one on the column.

    `strict` says that scikit-learn raises where it is missing.
    """

    column: int
    steps: tuple[Step, ...] = ()
    strict: bool = False


@dataclass(frozen=True, eq=False)
class Block:
    """What makes several features out of several, and is no step of one column: products, projections, logarithms.

    emit adds it to a graph, values works it out in numpy; both take (n, inputs) and give (n, width). `made_of` says
    for each output which inputs it depends on. Where `strict`, scikit-learn raises where any input is missing.
    """

    inputs: "tuple[Feature, ...]"
    made_of: tuple[tuple[int, ...], ...]
    emit: Callable[[GraphBuilder, str], str]
    values: Callable[[np.ndarray], np.ndarray]
    strict: bool


@dataclass(frozen=True)
class Computed(Number):
    """An output of a block after some steps. No model reads it: `widen` puts it into a column of its own before."""

    block: Block = None  # type: ignore[assignment]  # a dataclass's parent has defaults, so this must have one
    index: int = 0


def computed(block: Block) -> "list[Feature]":
    """All outputs of a block."""
    return [Computed(-1, block=block, index=index) for index in range(len(block.made_of))]


@dataclass(frozen=True)
class Lookup:
    """A value for each key of a column, one for every other number in it (unlisted) and one for a missing value.

    Of a category column the keys are the positions in its list; of a number column they are the numbers themselves.
    """

    column: int
    keys: tuple[float, ...]
    values: tuple[Value, ...]
    unlisted: Value
    missing: Value
    coded: bool

    def map(self, change: Callable[[Value], Value]) -> "Lookup":
        values = tuple(change(value) for value in self.values)
        return Lookup(self.column, self.keys, values, change(self.unlisted), change(self.missing), self.coded)


Feature: TypeAlias = Number | Lookup


@dataclass(frozen=True)
class Inputs:
    """What a model converter gets beside the estimator: the estimator's features, over these columns of the row.

    place tells a person where in the pipeline the estimator stands; rows are training rows, where there are any.
    convert makes a model of an estimator that is a part of this one; `member` and `margin` are how to call it. decision
    says that the decision function is wanted for the raw score, whatever the link. sparse: whether the estimator gets
    a matrix that leaves zeros out.
    """

    features: Sequence[Feature]
    columns: Sequence[Column]
    place: str
    rows: np.ndarray | None
    convert: Callable[[Any, "Inputs"], Any]
    decision: bool = False
    sparse: bool = False

    def member(self, estimator: Any, name: str, features: Sequence[Feature] | None = None) -> Any:
        """The model of an estimator inside this one; it reads the same features unless others are given."""
        chosen = self.features if features is None else features
        return self.convert(estimator, self._within(name, chosen, decision=False))

    def margin(self, estimator: Any, name: str, features: Sequence[Feature] | None = None) -> Any:
        """The same, with the estimator's decision function for the raw score."""
        chosen = self.features if features is None else features
        return self.convert(estimator, self._within(name, chosen, decision=True))

    def last(self, estimator: Any, name: str, features: Sequence[Feature]) -> Any:
        """The model of the estimator that does the work of this one."""
        return self.convert(estimator, self._within(name, features, decision=self.decision))

    def _within(self, name: str, features: Sequence[Feature], decision: bool) -> "Inputs":
        return replace(self, features=features, place=f"{self.place}.{name}", decision=decision)


def raw_features(columns: Sequence[Column]) -> list[Feature]:
    """The columns as scikit-learn saw them: categories as themselves, numbers as numbers."""
    return [_raw_lookup(i, column) if column.categories else Number(i) for i, column in enumerate(columns)]


def _raw_lookup(position: int, column: Column) -> Lookup:
    keys = tuple(float(code) for code in range(len(column.categories)))
    values = tuple(value if isinstance(value, str) else float(value) for value in column.categories)
    return Lookup(position, keys, values, Mark.UNLISTED, MISSING, coded=True)


def add_step(feature: Feature, step: Step) -> Feature:
    """The feature after one more step."""
    if isinstance(feature, Number):
        return replace(feature, steps=(*feature.steps, step))
    return feature.map(lambda value: _stepped(value, step))


def add_fill(feature: Feature, fill: Value) -> Feature:
    """The feature with its missing values replaced; text is replaced by text."""
    if isinstance(feature, Number):
        return add_step(feature, Step("fill", as_number(fill)))
    return feature.map(lambda value: fill if is_missing(value) else value)


def refuse_missing(feature: Feature) -> Feature:
    """The feature where scikit-learn raises for a missing value that gets this far."""
    if isinstance(feature, Lookup):
        return feature.map(lambda value: Mark.REFUSED if is_missing(value) else value)
    filled = any(step.name == "fill" for step in feature.steps)
    return feature if filled else replace(feature, strict=True)


def is_missing(value: Value) -> bool:
    return isinstance(value, float) and value != value


def as_number(value: Value) -> float:
    """A value as a model takes it. Raises VerificationRefused for text; a mark that gets this far is a refusal: NaN."""
    if isinstance(value, str):
        raise VerificationRefused(
            f"the text {value!r} reaches a step that takes numbers only", hint="encode the column before it"
        )
    return MISSING if isinstance(value, Mark) else float(value)


def is_refused(value: Value) -> bool:
    """Whether scikit-learn would raise here, or would use a number that the row does not tell."""
    return isinstance(value, Mark)


def numbers(feature: Feature, column: np.ndarray) -> np.ndarray:
    """The feature's values, float64, for the values of its column; NaN where it is refused."""
    if isinstance(feature, Number):
        return run_steps(feature.steps, column)
    found = np.full(column.shape, as_number(feature.unlisted))
    for key, value in zip(feature.keys, feature.values, strict=True):
        found[column == key] = as_number(value)
    found[np.isnan(column)] = as_number(feature.missing)
    return found


def run_steps(steps: Sequence[Step], column: np.ndarray) -> np.ndarray:
    """The steps on an array, operation by operation as scikit-learn does them."""
    for step in steps:
        column = _RUN[step.name](column, step.operand)
    return column


def listed(feature: Feature, categories: Sequence[Value]) -> Lookup:
    """A number column as a lookup over these numbers, which is what an encoder makes of it; a lookup as it is."""
    if isinstance(feature, Lookup):
        return feature
    if isinstance(feature, Computed) or any(step.name != "fill" for step in feature.steps):
        raise VerificationRefused(
            "an encoder stands after a scaler, on a number", hint="encode first, or do not scale this column"
        )
    keys = tuple(as_number(category) for category in categories if not is_missing(category))
    missing = float(run_steps(feature.steps, np.array([MISSING]))[0])
    return Lookup(feature.column, keys, keys, Mark.UNLISTED, missing, coded=False)


def _stepped(value: Value, step: Step) -> Value:
    if is_refused(value):
        return Mark.REFUSED
    return float(run_steps((step,), np.array([as_number(value)]))[0])


_RUN: dict[str, Callable[[np.ndarray, float], np.ndarray]] = {
    "fill": lambda column, operand: np.where(np.isnan(column), operand, column),
    "subtract": lambda column, operand: column - operand,
    "divide": lambda column, operand: column / operand,
    "multiply": lambda column, operand: column * operand,
    "add": lambda column, operand: column + operand,
    "at_least": lambda column, operand: np.maximum(column, operand),
    "at_most": lambda column, operand: np.minimum(column, operand),
    **{name: one.compute for name, one in GROWING.items()},
}
