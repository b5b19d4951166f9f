"""Features as columns of one matrix: in a graph, and in numpy for training rows."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

import numpy as np

from towpath.training.compile.features import (
    Computed,
    Feature,
    Lookup,
    Number,
    Step,
    as_number,
    is_refused,
    numbers,
    run_steps,
)
from towpath.training.compile.graph import GraphBuilder
from towpath.training.compile.growing import GROWING

OPERATORS = {
    "subtract": "Sub",
    "divide": "Div",
    "multiply": "Mul",
    "add": "Add",
    "at_least": "Max",
    "at_most": "Min",
}  # fill is none of them


def emit_matrix(graph: GraphBuilder, rows: str, features: Sequence[Feature]) -> str:
    """The features' values as they reach a model, float64 (n, features); what is refused is NaN."""
    parts = [_emit_group(graph, rows, kind, features, group) for kind, group in _groups(features)]
    together = graph.call("Concat", *(name for name, _ in parts), axis=1) if len(parts) > 1 else parts[0][0]
    order = np.argsort([position for _, positions in parts for position in positions])
    if np.array_equal(order, np.arange(len(features))):
        return together
    return graph.call("Gather", together, graph.constant(order, np.int64), axis=1)


def with_refusals(graph: GraphBuilder, rows: str, features: Sequence[Feature], raw: str) -> str:
    """raw, but NaN for a row that scikit-learn would raise for at one of the features; 0.0 is added to every other."""
    asked = [kind for feature in features for kind in _refusal(feature)]
    if not asked:
        return raw
    nothing = graph.call("Mul", emit_matrix(graph, rows, asked), graph.constant(0.0))
    return graph.call("Add", raw, graph.call("ReduceSum", nothing, graph.constant([1], np.int64)))


def matrix_of(features: Sequence[Feature], rows: np.ndarray) -> np.ndarray:
    """The same of float64 rows (n, columns)."""
    made = [_values(feature, rows) for feature in features]
    return np.column_stack(made) if made else np.zeros((len(rows), 0))


def stepped(graph: GraphBuilder, values: str, steps: Sequence[Step]) -> str:
    """One step of the same name for each column of the values."""
    if steps[0].name in GROWING:
        return GROWING[steps[0].name].emit(graph, values, np.array([step.operand for step in steps]))
    operand = graph.constant([step.operand for step in steps])
    if steps[0].name == "fill":
        return graph.call("Where", graph.call("IsNaN", values), operand, values)
    return graph.call(OPERATORS[steps[0].name], values, operand)


def table_row(graph: GraphBuilder, rows: str, coded: bool, column: int, keys: tuple[float, ...], offset: int) -> str:
    """Which row of a table a value has: offset for an unlisted one, then the keys, then a missing one; (n, 1)."""
    value = graph.call("Gather", rows, graph.constant([column], np.int64), axis=1)
    missing = graph.call("IsNaN", value)
    if coded:
        position = graph.call("Where", missing, graph.constant(float(len(keys))), value)
        return graph.call("Add", position, graph.constant(float(offset + 1)))
    # One or none of these is true, so their weighted sum is the position itself.
    hits = graph.call("Concat", graph.call("Equal", value, graph.constant([keys])), missing, axis=1)
    positions = np.arange(1.0, len(keys) + 2)[:, None]
    position = graph.call("MatMul", graph.call("Cast", hits, to=graph.DOUBLE), graph.constant(positions))
    return graph.call("Add", position, graph.constant(float(offset)))


def step_names(number: Any) -> tuple[str, ...]:
    return tuple(step.name for step in number.steps)


def _groups(features: Sequence[Feature]) -> list[tuple[Any, list[int]]]:
    """Positions of features that go together: numbers with the same steps, lookups of the same column."""
    keys = [_group_key(feature) for feature in features]
    order = sorted(range(len(features)), key=lambda i: (repr(keys[i]), i))
    return [(key, list(group)) for key, group in groupby(order, key=lambda i: keys[i])]


def _group_key(feature: Feature) -> Any:
    if isinstance(feature, Computed):
        return "computed", id(feature.block), step_names(feature)
    if isinstance(feature, Number):
        return "number", step_names(feature)
    return "lookup", feature.coded, feature.column, feature.keys


def _emit_group(
    graph: GraphBuilder, rows: str, key: Any, features: Sequence[Any], group: list[int]
) -> tuple[str, list[int]]:
    chosen = [features[i] for i in group]
    if key[0] == "lookup":
        return _emit_lookups(graph, rows, chosen), group
    if key[0] == "computed":
        block = chosen[0].block
        source, places = block.emit(graph, emit_matrix(graph, rows, block.inputs)), [one.index for one in chosen]
    else:
        source, places = rows, [one.column for one in chosen]
    values = graph.call("Gather", source, graph.constant(places, np.int64), axis=1)
    for steps in zip(*(one.steps for one in chosen), strict=True):
        values = stepped(graph, values, steps)
    return values, group


def _emit_lookups(graph: GraphBuilder, rows: str, lookups: Sequence[Lookup]) -> str:
    one = lookups[0]
    place = graph.call("Cast", table_row(graph, rows, one.coded, one.column, one.keys, 0), to=graph.INT64)
    values = [[lookup.unlisted, *lookup.values, lookup.missing] for lookup in lookups]
    table = np.array([[as_number(value) for value in row] for row in values]).T
    found = graph.call("Gather", graph.constant(table), place)
    return graph.call("Reshape", found, graph.constant([-1, len(lookups)], np.int64))


def _refusal(feature: Feature) -> list[Feature]:
    """Features that are no finite number exactly where this one is refused."""
    if isinstance(feature, Computed):
        inner = [kind for one in feature.block.inputs for kind in _refusal(one)]
        inner += feature.block.inputs if feature.block.strict else ()
        return [*inner, replace(feature, steps=(), strict=False)] if feature.strict else inner
    if isinstance(feature, Number):
        return [Number(feature.column)] if feature.strict else []
    refused = feature.map(lambda value: value if is_refused(value) else 0.0)
    marks = (*refused.values, refused.unlisted, refused.missing)
    return [refused] if any(map(is_refused, marks)) else []


def _values(feature: Feature, rows: np.ndarray) -> np.ndarray:
    if isinstance(feature, Computed):
        made = feature.block.values(matrix_of(feature.block.inputs, rows))
        return run_steps(feature.steps, made[:, feature.index])
    return numbers(feature, rows[:, feature.column])
