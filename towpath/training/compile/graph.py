"""A tiny builder of ONNX graphs in double: the same calls give the same bytes, with no name, host or time in them."""

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

IR_VERSION = 10
OPSET = 21
ML_OPSET = 5  # the first with TreeEnsemble, which adds up in double; TreeEnsembleRegressor answers in float32
ML = "ai.onnx.ml"
ROWS = "X"  # the input of every graph


class GraphBuilder:
    """Collects nodes over the input "X", float64 (n, columns).

    What was asked for before is not computed twice: the same constant, or the same call, is the same name again. So
    the members of a composed model share whatever steps before them are alike.

    >>> graph = GraphBuilder(columns=2)
    >>> doubled = graph.call("Add", ROWS, ROWS)
    >>> content = graph.finish("raw", [None, 2], doubled)
    """

    INT32 = TensorProto.INT32
    INT64 = TensorProto.INT64
    DOUBLE = TensorProto.DOUBLE

    def __init__(self, columns: int):
        self._columns = columns
        self._nodes: list[Any] = []
        self._constants: list[Any] = []
        self._known: dict[Any, str] = {}

    def constant(self, value: Any, kind: Any = np.float64) -> str:
        array: np.ndarray = np.asarray(value, dtype=kind)
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self._known:
            self._known[key] = name = f"c{len(self._constants)}"
            self._constants.append(numpy_helper.from_array(array, name))
        return self._known[key]

    def call(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Add a node with one output; returns the output's name."""
        key = (operator, inputs, repr(sorted(attributes.items())))
        if key not in self._known:
            self._known[key] = self._add(operator, inputs, "", attributes)
        return self._known[key]

    def call_ml(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """The same for an operator of ai.onnx.ml; each call is a node of its own."""
        return self._add(operator, inputs, ML, attributes)

    def embed(self, other: Any, given: str, wanted: str) -> str:
        """The nodes of another graph that its output `wanted` needs, with `given` for its input; returns the output."""
        names = {other.input[0].name: given}
        names |= {one.name: self._kept(numpy_helper.to_array(one)) for one in other.initializer}
        for node in _needed(other.node, wanted):
            copy = onnx.NodeProto()
            copy.CopyFrom(node)
            copy.name = ""
            names |= {output: f"n{len(self._nodes)}_{i}" for i, output in enumerate(node.output) if output}
            _rename(copy, names)
            self._nodes.append(copy)
        return names[wanted]

    def _kept(self, value: Any) -> str:
        return self.constant(value, value.dtype)

    def finish(self, name: str, shape: list[int | None], output: str | None = None) -> bytes:
        """The model whose one output gets this name and shape; by default it is the last node's."""
        last = self._nodes[-1].output[0] if self._nodes else None
        if output is None or output == last:
            self._nodes[-1].output[:] = [name]
        else:
            self._nodes.append(helper.make_node("Identity", [output], [name]))
        graph = helper.make_graph(
            self._nodes,
            "towpath",
            [helper.make_tensor_value_info(ROWS, TensorProto.DOUBLE, [None, self._columns])],
            [helper.make_tensor_value_info(name, TensorProto.DOUBLE, shape)],
            self._constants,
        )
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(ML, ML_OPSET)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="towpath")
        return bytes(model.SerializeToString(deterministic=True))

    def _add(self, operator: str, inputs: tuple[str, ...], domain: str, attributes: dict[str, Any]) -> str:
        name = f"n{len(self._nodes)}"
        self._nodes.append(helper.make_node(operator, list(inputs), [name], domain=domain, **attributes))
        return name


def _needed(nodes: Any, wanted: str) -> list[Any]:
    needed, chosen = {wanted}, []
    for node in reversed(nodes):
        if needed.intersection(node.output):
            chosen.append(node)
            needed.update(_read(node))
    return chosen[::-1]


def _read(node: Any) -> set[str]:
    """What a node reads, the graphs within it too; names of their own do no harm here."""
    within = [inner for attribute in node.attribute for inner in attribute.g.node]
    return set(node.input).union(*(_read(inner) for inner in within))


def _rename(node: Any, names: dict[str, str]) -> None:
    node.input[:] = [names.get(name, name) for name in node.input]
    node.output[:] = [names.get(name, name) for name in node.output]
    for attribute in node.attribute:
        for inner in attribute.g.node:
            _rename(inner, names)


def tensor(values: np.ndarray) -> Any:
    """An array as the value of a node's attribute."""
    return numpy_helper.from_array(np.ascontiguousarray(values), "")
