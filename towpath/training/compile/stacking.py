"""Stacked estimators: the members' scores, and the features where they are passed through, are a final one's input."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.ensemble import StackingClassifier, StackingRegressor

from towpath.core.errors import VerificationRefused
from towpath.core.plan import Column, Link
from towpath.training.compile.compose import Composed, Weighted, scored
from towpath.training.compile.features import Feature, Inputs, Lookup, Number, add_step, run_steps
from towpath.training.compile.graph import GraphBuilder
from towpath.training.compile.linear import LinearModel
from towpath.training.compile.matrix import emit_matrix, with_refusals
from towpath.training.compile.protocol import Model
from towpath.training.compile.voting import named

LINES = {"subtract", "divide", "multiply", "add"}  # steps that make a straight line of a member's score


@dataclass(frozen=True)
class Stacked(Composed):
    """A final model whose columns are the members' scores, one after the other, then the features passed through.

    It has no contributions: what a member's score adds in a final model that is no straight line cannot be shared out
    among the columns so that all of it is accounted for.
    """

    passed: Sequence[Feature]
    final: Model

    @property
    def link(self) -> Link:
        return self.final.link

    @property
    def outputs(self) -> int:
        return self.final.outputs

    @property
    def tolerance(self) -> float:
        return max(self.final.tolerance, super().tolerance)

    @property
    def unexplained(self) -> str:
        return "the final estimator of a stack is not linear"

    def emit(self, graph: GraphBuilder, rows: str) -> str:
        scores = [member.emit(graph, rows) for member in self.members]
        passed = [emit_matrix(graph, rows, self.passed)] if self.passed else []
        raw = self.final.emit(graph, graph.call("Concat", *scores, *passed, axis=1))
        # A final tree would send a refused row's NaN one way or the other; zero times it keeps it NaN.
        together = graph.call("Concat", *scores, axis=1) if len(scores) > 1 else scores[0]
        nothing = graph.call(
            "Mul", graph.call("ReduceSum", together, graph.constant([1], np.int64)), graph.constant(0.0)
        )
        return with_refusals(graph, rows, self.passed, graph.call("Add", raw, nothing))

    def emit_contributions(self, graph: GraphBuilder, rows: str) -> str | None:
        return None

    def base(self) -> tuple[float, ...]:
        return ()


def _stacking(estimator: Any, inputs: Inputs) -> Model:
    members = [
        _response(one, name, method, inputs)
        for (name, one), method in zip(named(estimator), estimator.stack_method_, strict=True)
    ]
    passed = list(inputs.features) if estimator.passthrough else []
    final = _final(estimator, members, passed, inputs)
    scores = sum(member.outputs for member in members)
    if isinstance(final, LinearModel) and _is_line(final, scores):
        return _straight(members, passed, final, inputs)
    return Stacked(tuple(members), passed, final)


def _response(member: Any, name: str, method: str, inputs: Inputs) -> Model:
    match method:
        case "decision_function":
            return inputs.margin(member, name)
        case "predict" if is_classifier(member):
            raise VerificationRefused(
                f"{inputs.place} stacks the decisions of {name}, a {type(member).__name__}, not its probabilities",
                hint="use members that have predict_proba or decision_function",
            )
    return scored(inputs.member(member, name))


def _final(estimator: Any, members: Sequence[Model], passed: Sequence[Feature], inputs: Inputs) -> Model:
    names = [f"score {i}" for i in range(sum(member.outputs for member in members))]
    names += [f"feature {i}" for i in range(len(passed))]
    features = [Number(i) for i in range(len(names))]
    columns = [Column(name, name) for name in names]
    inside = replace(
        inputs,
        features=features,
        columns=columns,
        rows=None,
        place=f"{inputs.place}.final_estimator",
        sparse=inputs.sparse and estimator.passthrough,
    )
    return inputs.convert(estimator.final_estimator_, inside)


def _is_line(final: LinearModel, scores: int) -> bool:
    """Whether each member's score goes into the final model by straight lines alone."""
    return all(
        isinstance(feature, Number) and (feature.column >= scores or {step.name for step in feature.steps} <= LINES)
        for feature in final.features
    )


def _straight(members: Sequence[Model], passed: Sequence[Feature], final: LinearModel, inputs: Inputs) -> Model:
    """A straight line through straight lines is one: so this stack has contributions."""
    ends = np.cumsum([0, *(member.outputs for member in members)]).tolist()
    slopes, offset = np.zeros((ends[-1], final.outputs)), final.intercept.astype(np.float64)
    features, weights = [], []
    for feature, weight in zip(final.features, final.weights, strict=True):
        if isinstance(feature, Lookup):
            continue  # _is_line has seen that there is none
        if feature.column < ends[-1]:
            slopes[feature.column] += weight * _steepness(feature)
            offset = offset + weight * run_steps(feature.steps, np.zeros(1))[0]
        else:
            features.append(_with_steps(passed[feature.column - ends[-1]], feature))
            weights.append(weight)
    parts = [(member, slopes[low:high]) for member, low, high in zip(members, ends, ends[1:], strict=False)]
    if features:
        line = LinearModel(
            np.array(weights), np.zeros(final.outputs), features, inputs.columns, "identity", inputs.rows
        )
        parts.append((line, np.eye(final.outputs)))
    models, matrices = zip(*parts, strict=True)
    return Weighted(models, matrices, offset, final.link)


def _steepness(feature: Number) -> float:
    factors = {"multiply": lambda operand: operand, "divide": lambda operand: 1.0 / operand}
    return float(np.prod([factors[step.name](step.operand) for step in feature.steps if step.name in factors]))


def _with_steps(feature: Feature, final: Number) -> Feature:
    for step in final.steps:
        feature = add_step(feature, step)
    return feature


STACKING: dict[type, Callable[[Any, Inputs], Model]] = {
    StackingClassifier: _stacking,
    StackingRegressor: _stacking,
}
