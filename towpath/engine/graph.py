"""Runs the graphs of a bundle: onnxruntime, from bytes only, on one thread."""

import os
from collections.abc import Callable, Iterator
from functools import cached_property

import numpy as np

# onnxruntime keeps a device id in the home folder and calls home as soon as it is imported, unless this is set before.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import onnxruntime

from towpath.core.errors import VerificationRefused
from towpath.engine import forest, protobuf

DOMAINS = {"", "ai.onnx", "ai.onnx.ml"}  # whose operators only compute; no file, no network, no code
OUTSIDE = b"location"  # the key by which a tensor names a file of its data
ERRORS_ONLY = 3
PACK_AGAIN = "it was changed after it was proved; pack it again"

# onnx.proto, as far as the way to every node: message -> field number -> message.
INNER = {"model": {7: "graph"}, "graph": {1: "node"}, "node": {5: "attribute"}, "attribute": {6: "graph", 11: "graph"}}
NODE_DOMAIN, FUNCTIONS = ("node", 7), ("model", 25)

ROWS = "X"
Run = Callable[[np.ndarray], np.ndarray]
"""float64 rows (n, columns) to what a graph makes of them."""


class GraphModel:
    """Raw scores of float64 rows, and what each column adds to them.

    The explain graph is loaded at its first use. Raises VerificationRefused for bytes that are no graph of ours.
    """

    def __init__(self, graph: bytes, explain: bytes | None = None):
        self.raw = _open(graph, "graph.onnx", "raw")
        """(n, columns) to (n, outputs), both float64."""
        self._explain = explain

    def contributions(self, rows: np.ndarray) -> np.ndarray:
        """(n, columns) to (n, outputs, columns), both float64."""
        return self._explained(rows)

    @cached_property
    def _explained(self) -> Run:
        if self._explain is None:
            raise VerificationRefused("this model has no contributions", hint="drop contributions from the answer")
        return _open(self._explain, "explain.onnx", "contributions")


def domains(message: memoryview, kind: str = "model") -> Iterator[str]:
    """Whose operators a model's nodes are, in all its graphs. Raises ValueError for bytes that are no protobuf."""
    for number, value in protobuf.fields(message):
        if (kind, number) == NODE_DOMAIN:
            yield bytes(value).decode()
        elif (kind, number) == FUNCTIONS:
            yield "functions of its own"
        elif inner := INNER[kind].get(number):
            yield from domains(value, inner)


def _open(model: bytes, name: str, result: str) -> Run:
    """What gives the result of a model for rows; its trees are walked by ourselves where we can."""
    _check(model, name)
    try:
        parts = forest.take_apart(model, result)
        return _whole(model, result) if parts is None else _Parted(parts, result).run
    except Exception as error:  # onnxruntime's binding raises a dozen classes of its own, which have no base in common
        raise VerificationRefused(f"{name} does not load: {error}", hint=PACK_AGAIN) from error


def _whole(model: bytes, result: str) -> Run:
    session = _session(model)
    return lambda rows: session.run([result], {ROWS: rows})[0]


def _session(model: bytes) -> onnxruntime.InferenceSession:
    # From bytes, which are the ones whose digest was compared; a path could lead elsewhere by now.
    return onnxruntime.InferenceSession(model, _options(), providers=["CPUExecutionProvider"])


class _Parted:
    """A graph whose trees were taken out of it."""

    def __init__(self, parts: forest.Parts, result: str):
        self._before = _session(parts.before) if parts.before else None
        self._after = _session(parts.after) if parts.after else None
        self._wanted = [one.name for one in self._before.get_outputs()] if self._before else []
        self._reads = [one.name for one in self._after.get_inputs()] if self._after else []
        self._result = result
        widths = {name: value.shape[1] for name, value in self._read(np.zeros((1, parts.columns))).items()}
        self._walkers = [forest.Walker(one, widths[one.source]) for one in parts.trees]

    def run(self, rows: np.ndarray) -> np.ndarray:
        values = self._read(rows)
        for walker in self._walkers:
            values[walker.result] = walker.walk(values[walker.source])
        if self._after is None:
            return values[self._result]
        made: np.ndarray = self._after.run([self._result], {name: values[name] for name in self._reads})[0]
        return made

    def _read(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        """What the trees read, by name."""
        values = {ROWS: rows}
        if self._before:
            values |= zip(self._wanted, self._before.run(self._wanted, values), strict=True)
        return values


def _check(model: bytes, name: str) -> None:
    # onnxruntime reads such a file even for a model from bytes, from the working directory, unless it optimises.
    if OUTSIDE in model:
        raise VerificationRefused(
            f"{name} keeps data in another file", hint="a bundle's model holds all its data itself"
        )
    try:
        foreign = set(domains(memoryview(model))) - DOMAINS
    except (ValueError, IndexError, RecursionError) as error:
        raise VerificationRefused(f"{name} is no ONNX model: {error}", hint=PACK_AGAIN) from error
    if foreign:
        raise VerificationRefused(
            f"{name} uses {', '.join(sorted(foreign))}", hint="only the operators of ONNX itself are run"
        )


def _options() -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = (
        1  # a worker is one thread; more of them wait for each other
    )
    options.log_severity_level = ERRORS_ONLY
    # Optimised, a division before a matrix product becomes a factor of that product, in float32: off by 1e-7.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return options
