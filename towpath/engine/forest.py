"""Takes the trees out of a graph, so that our own walker runs them and onnxruntime what is left.

The walker (_forest.c) gives the very bits that onnxruntime gives, in a fifth of its time and less memory. It is there
where a C compiler was when Towpath was installed; without it, and for trees of a kind that it does not know, it is
onnxruntime that runs the whole graph.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from towpath.engine import protobuf

try:
    from towpath.engine import _forest
except ImportError:  # installed without a C compiler
    _forest = None  # type: ignore[assignment]

MODEL_GRAPH = 7
GRAPH_NODE, GRAPH_INPUT, GRAPH_OUTPUT, GRAPH_VALUES = 1, 11, 12, 13
NODE_INPUT, NODE_OUTPUT, NODE_KIND, NODE_ATTRIBUTE = 1, 2, 4, 5
VALUE_TYPE, TYPE_TENSOR, TENSOR_ELEMENT, TENSOR_SHAPE, SHAPE_DIMENSION, DIMENSION_VALUE = 2, 1, 1, 2, 1, 1
NAME, ATTRIBUTE_INTEGER, ATTRIBUTE_TENSOR, ATTRIBUTE_INTEGERS = 1, 3, 5, 8
TENSOR_RAW, TENSOR_KIND = 9, 2
DOUBLE, UINT8 = 11, 2
SUM, NO_TRANSFORM = 1, 0
AT_MOST, EQUAL = 0, 4  # modes of a node; what else there is onnxruntime runs
INTEGERS = re.compile(rb"(?:\x40[\x80-\xff]{0,9}[\x00-\x7f])+")  # of an attribute, each with its key


@dataclass(frozen=True)
class Trees:
    """One ensemble: the value that it reads, the one that it makes, and how the walker knows it."""

    source: str
    result: str
    targets: int
    attributes: "Attributes"

    def built(self, columns: int) -> Any:
        """For the walker. Raises ValueError for trees that are none."""
        of = self.attributes
        return _forest.build(
            columns,
            self.targets,
            of.integers("nodes_featureids"),
            of.numbers("nodes_splits"),
            of.integers("nodes_truenodeids"),
            of.integers("nodes_falsenodeids"),
            of.integers("nodes_trueleafs"),
            of.integers("nodes_falseleafs"),
            of.integers("nodes_missing_value_tracks_true"),
            (of.modes() == EQUAL).astype(np.int64),
            of.integers("leaf_targetids"),
            of.numbers("leaf_weights"),
            of.integers("tree_roots"),
        )


@dataclass(frozen=True)
class Parts:
    """A graph in three: what is computed for its trees, they themselves, and what is made of them.

    before and after are models of their own, None where nothing is left for them.
    """

    before: bytes | None
    trees: tuple[Trees, ...]
    after: bytes | None
    columns: int  # of its rows


def is_compiled() -> bool:
    """Whether the walker is there."""
    return _forest is not None


def take_apart(model: bytes, result: str) -> Parts | None:
    """None for a graph without trees, or with some that only onnxruntime can run."""
    if _forest is None or b"TreeEnsemble" not in model:
        return None
    [graph] = [content for number, content in protobuf.fields(memoryview(model)) if number == MODEL_GRAPH]
    nodes = [_Node(content) for number, content in protobuf.fields(graph) if number == GRAPH_NODE]
    trees = [_trees(node) for node in nodes if node.kind == "TreeEnsemble"]
    if not trees or any(one is None for one in trees) or any(node.has_graph for node in nodes):
        return None
    known = [one for one in trees if one]
    plain = [node for node in nodes if node.kind != "TreeEnsemble"]
    made = {one.result for one in known}
    sources = {one.source for one in known}
    before, needed = _reached(plain, sources)
    if needed & made:  # trees that read what other trees made
        return None
    after, _ = _reached(plain, {result})
    columns = _columns(graph)
    if (result in made and len(known) > 1) or not columns:
        return None
    return Parts(
        _model(model, before, (), sources) if before else None,
        tuple(known),
        _model(model, after, made, {result}) if result not in made else None,
        columns,
    )


class Attributes:
    """The attributes of a node, read when they are asked for."""

    def __init__(self, contents: Sequence[memoryview]):
        self._contents = {_text(content, NAME): content for content in contents}

    def integers(self, name: str) -> np.ndarray:
        """int64, empty where there is none of that name. Raises ValueError for numbers that break off."""
        content = self._contents.get(name)
        found = INTEGERS.search(content, _after_name(content)) if content is not None else None
        return np.frombuffer(_forest.integers(found.group()) if found else b"", np.int64)

    def integer(self, name: str) -> int:
        return protobuf.integer(self._contents[name], ATTRIBUTE_INTEGER) if name in self._contents else 0

    def numbers(self, name: str) -> np.ndarray:
        """float64 of a tensor, empty where it is of another kind."""
        return self._tensor(name, DOUBLE, np.float64)

    def modes(self) -> np.ndarray:
        return self._tensor("nodes_modes", UINT8, np.uint8)

    def has(self, name: str) -> bool:
        return name in self._contents

    def _tensor(self, name: str, kind: int, of: Any) -> np.ndarray:
        content = self._contents.get(name)
        for number, tensor in protobuf.fields(content) if content is not None else ():
            if number == ATTRIBUTE_TENSOR and protobuf.integer(tensor, TENSOR_KIND) == kind:
                raw = [part for number, part in protobuf.fields(tensor) if number == TENSOR_RAW]
                return np.frombuffer(raw[0], of) if raw else np.empty(0, of)
        return np.empty(0, of)


class _Node:
    """A node of a graph, with what it reads and makes."""

    def __init__(self, content: memoryview):
        found = list(protobuf.fields(content))
        self.content = content
        self.inputs = [bytes(part).decode() for number, part in found if number == NODE_INPUT]
        self.outputs = [bytes(part).decode() for number, part in found if number == NODE_OUTPUT]
        self.kind = next((bytes(part).decode() for number, part in found if number == NODE_KIND), "")
        self.attributes = [part for number, part in found if number == NODE_ATTRIBUTE]

    @property
    def has_graph(self) -> bool:
        """Whether it runs a graph of its own, which may read what this function does not see."""
        return any(number in (6, 11) for one in self.attributes for number, _ in protobuf.fields(one))


def _trees(node: _Node) -> Trees | None:
    """None for trees that the walker does not know."""
    of = Attributes(node.attributes)
    modes, splits = of.modes(), of.numbers("nodes_splits")
    usual = of.integer("aggregate_function") == SUM and of.integer("post_transform") == NO_TRANSFORM
    if not usual or of.has("membership_values") or not len(splits) or len(modes) != len(splits):
        return None
    if not np.isin(modes, (AT_MOST, EQUAL)).all() or len(node.inputs) != 1:
        return None
    return Trees(node.inputs[0], node.outputs[0], of.integer("n_targets"), of)


def _reached(nodes: Sequence[_Node], wanted: set[str]) -> tuple[list[_Node], set[str]]:
    """The nodes that make the wanted values, in their order, and all values that they need."""
    needed, chosen = set(wanted), []
    for node in reversed(nodes):
        if needed & set(node.outputs):
            chosen.append(node)
            needed |= set(node.inputs)
    return chosen[::-1], needed


def _model(model: bytes, nodes: Sequence[_Node], given: Sequence[str] | set[str], wanted: set[str]) -> bytes:
    """The same model with these nodes alone, values that are given to it, and those that it is asked for."""
    written = []
    for number, content in protobuf.fields(memoryview(model)):
        if number != MODEL_GRAPH:
            written.append(protobuf.field(number, content))
            continue
        parts = [
            protobuf.field(number, part)
            for number, part in protobuf.fields(content)
            if number not in (GRAPH_NODE, GRAPH_OUTPUT, GRAPH_VALUES)
        ]
        parts += [protobuf.field(GRAPH_NODE, node.content) for node in nodes]
        parts += [protobuf.field(GRAPH_INPUT, _value(name)) for name in sorted(given)]
        parts += [protobuf.field(GRAPH_OUTPUT, _value(name)) for name in sorted(wanted)]
        written.append(protobuf.field(MODEL_GRAPH, b"".join(parts)))
    version = protobuf.integer(memoryview(model), 1)
    return protobuf.number(1, version) + b"".join(written)


def _columns(graph: memoryview) -> int:
    """How wide the rows are that the graph takes; 0 where it does not say."""
    inside = [content for number, content in protobuf.fields(graph) if number == GRAPH_INPUT][:1]
    for wanted in VALUE_TYPE, TYPE_TENSOR, TENSOR_SHAPE, SHAPE_DIMENSION:
        inside = [part for one in inside for number, part in protobuf.fields(one) if number == wanted]
    return protobuf.integer(inside[1], DIMENSION_VALUE) if len(inside) == 2 else 0


def _value(name: str) -> bytes:
    """A matrix of doubles."""
    tensor = protobuf.field(TYPE_TENSOR, protobuf.number(TENSOR_ELEMENT, DOUBLE))
    return protobuf.field(NAME, name.encode()) + protobuf.field(VALUE_TYPE, tensor)


def _text(message: memoryview, wanted: int) -> str:
    return next((bytes(part).decode() for number, part in protobuf.fields(message) if number == wanted), "")


def _after_name(attribute: memoryview) -> int:
    """Where the name of an attribute ends; it is written first."""
    _, start = protobuf.varint(attribute, 0)
    size, start = protobuf.varint(attribute, start)
    return start + size


class Walker:
    """The trees of a graph, built once for rows of some width."""

    def __init__(self, trees: Trees, columns: int):
        self.source, self.result = trees.source, trees.result
        self._targets, self._columns = trees.targets, columns
        self._forest = trees.built(columns)

    def walk(self, rows: np.ndarray) -> np.ndarray:
        """float64 (n, columns) to float64 (n, targets)."""
        if rows.shape[1] != self._columns:
            raise ValueError(f"the trees take {self._columns} columns, not {rows.shape[1]}")
        sums = np.zeros((len(rows), self._targets))
        _forest.walk(self._forest, np.ascontiguousarray(rows, np.float64), sums)
        return sums
