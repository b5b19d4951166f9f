"""Fitted transformers that make one feature out of several: products, projections, rows of length one."""

from functools import reduce
from typing import Any

import numpy as np
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.preprocessing import Normalizer, PolynomialFeatures

from towpath.training.compile.features import Block, Feature, computed, refuse_missing
from towpath.training.compile.graph import GraphBuilder


def products(transformer: PolynomialFeatures, features: list[Feature], place: str) -> list[Feature]:
    """Each product of the numbers that `powers_` lists."""
    powers = np.asarray(transformer.powers_)
    factors = [np.repeat(np.arange(len(features)), row).tolist() for row in powers]
    degree, one = max(1, max(map(len, factors))), len(features)  # the column behind the features is all ones
    places = np.array([row + [one] * (degree - len(row)) for row in factors], dtype=np.int64)
    turns = list(places.T[::-1])  # scikit-learn multiplies from the last factor to the first

    def emit(graph: GraphBuilder, values: str) -> str:
        ones = graph.call("Add", graph.call("Mul", _first(graph, values), graph.constant(0.0)), graph.constant(1.0))
        wide = graph.call("Concat", values, ones, axis=1)
        chosen = [graph.call("Gather", wide, graph.constant(turn, np.int64), axis=1) for turn in turns]
        return reduce(lambda made, factor: graph.call("Mul", made, factor), chosen)

    def work_out(values: np.ndarray) -> np.ndarray:
        wide = np.column_stack([values, np.ones(len(values))])
        return reduce(np.multiply, [wide[:, turn] for turn in turns])

    return computed(_block(features, [tuple(dict.fromkeys(row)) for row in factors], emit, work_out))


def projected(transformer: PCA | TruncatedSVD, features: list[Feature], place: str) -> list[Feature]:
    """The components' coordinates; of a PCA centred, and scaled where it whitens."""
    axes = np.asarray(transformer.components_, dtype=np.float64).T
    centre, scale = np.zeros(axes.shape[1]), np.ones(axes.shape[1])
    if isinstance(transformer, PCA):
        centre = np.asarray(transformer.mean_, dtype=np.float64) @ axes
        if transformer.whiten:
            scale = np.maximum(np.sqrt(transformer.explained_variance_), np.finfo(np.float64).eps)

    def emit(graph: GraphBuilder, values: str) -> str:
        turned = graph.call("Sub", graph.call("MatMul", values, graph.constant(axes)), graph.constant(centre))
        return graph.call("Div", turned, graph.constant(scale))

    everything = [tuple(range(len(features)))] * axes.shape[1]
    return computed(_block(features, everything, emit, lambda values: (values @ axes - centre) / scale))


def normalized(transformer: Normalizer, features: list[Feature], place: str) -> list[Feature]:
    """The row divided by its length; a row of zeros stays one."""

    def emit(graph: GraphBuilder, values: str) -> str:
        sizes, along = graph.call("Abs", values), graph.constant([1], np.int64)
        if transformer.norm == "l2":
            length = graph.call("Sqrt", graph.call("ReduceSum", graph.call("Mul", values, values), along))
        else:
            length = graph.call({"l1": "ReduceSum", "max": "ReduceMax"}[transformer.norm], sizes, along)
        nothing = graph.call("Equal", length, graph.constant(0.0))
        return graph.call("Div", values, graph.call("Where", nothing, graph.constant(1.0), length))

    everything = [tuple(range(len(features)))] * len(features)
    return computed(_block(features, everything, emit, transformer.transform))


def _first(graph: GraphBuilder, values: str) -> str:
    return graph.call("Gather", values, graph.constant([0], np.int64), axis=1)


def _block(features: list[Feature], made_of: Any, emit: Any, values: Any) -> Block:
    """All of these raise where a value is missing."""
    return Block(tuple(refuse_missing(feature) for feature in features), tuple(made_of), emit, values, strict=True)
