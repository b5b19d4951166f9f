"""A tiny builder of ONNX graphs in double: the same calls give the same bytes, with no name, host or time in them."""

from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

IR_VERSION = 10
OPSET = 21
ML_OPSET = 5  # the first with TreeEnsemble, which adds up in double; TreeEnsembleRegressor answers in float32
ML = "ai.onnx.ml"


class GraphBuilder:
    """Collects nodes over the input "X", float64 (n, columns).

    >>> graph = GraphBuilder(columns=2)
    >>> doubled = graph.call("Add", "X", "X")
    >>> content = graph.finish("raw", [None, 2])
    """

    INT64 = TensorProto.INT64
    DOUBLE = TensorProto.DOUBLE

    def __init__(self, columns: int):
        self._columns = columns
        self._nodes: list[Any] = []
        self._constants: list[Any] = []

    def constant(self, value: Any, kind: type = np.float64) -> str:
        name = f"c{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(np.asarray(value, dtype=kind), name))
        return name

    def call(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Add a node with one output; returns the output's name."""
        return self._add(operator, inputs, "", attributes)

    def call_ml(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """The same for an operator of ai.onnx.ml."""
        return self._add(operator, inputs, ML, attributes)

    def finish(self, name: str, shape: list[int | None]) -> bytes:
        """The model whose one output, the last node's, gets this name and shape."""
        self._nodes[-1].output[:] = [name]
        graph = helper.make_graph(
            self._nodes,
            "towpath",
            [helper.make_tensor_value_info("X", TensorProto.DOUBLE, [None, self._columns])],
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


def tensor(values: np.ndarray) -> Any:
    """An array as the value of a node's attribute."""
    return numpy_helper.from_array(np.ascontiguousarray(values), "")
