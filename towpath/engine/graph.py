"""Runs the graphs of a bundle: onnxruntime, from bytes only, on one thread."""

import os
import re
from collections.abc import Iterator
from functools import cached_property

import numpy as np

# onnxruntime keeps a device id in the home folder and calls home as soon as it is imported, unless this is set before.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import onnxruntime

from towpath.core.errors import VerificationRefused

DOMAINS = {"", "ai.onnx", "ai.onnx.ml"}  # whose operators only compute; no file, no network, no code
OUTSIDE = b"location"  # the key by which a tensor names a file of its data
ERRORS_ONLY = 3
PACK_AGAIN = "it was changed after it was proved; pack it again"

# onnx.proto, as far as the way to every node: message -> field number -> message.
INNER = {"model": {7: "graph"}, "graph": {1: "node"}, "node": {5: "attribute"}, "attribute": {6: "graph", 11: "graph"}}
NODE_DOMAIN, FUNCTIONS = ("node", 7), ("model", 25)

# Protobuf's wire types. A tree has hundreds of thousands of small integers; they are stepped over in one go.
VARINT, EIGHT_BYTES, BYTES, FOUR_BYTES = 0, 1, 2, 5
INTEGERS = re.compile(
    rb"(?:[\x08\x10\x18\x20\x28\x30\x38\x40\x48\x50\x58\x60\x68\x70\x78][\x80-\xff]{0,9}[\x00-\x7f])+"
)


class GraphModel:
    """Raw scores of float64 rows, and what each column adds to them.

    The explain graph is loaded at its first use. Raises VerificationRefused for bytes that are no graph of ours.
    """

    def __init__(self, graph: bytes, explain: bytes | None = None):
        self._session = _open(graph, "graph.onnx")
        self._explain = explain

    def raw(self, rows: np.ndarray) -> np.ndarray:
        """(n, columns) to (n, outputs), both float64."""
        raw: np.ndarray = self._session.run(["raw"], {"X": rows})[0]
        return raw

    def contributions(self, rows: np.ndarray) -> np.ndarray:
        """(n, columns) to (n, outputs, columns), both float64."""
        added: np.ndarray = self._explainer.run(["contributions"], {"X": rows})[0]
        return added

    @cached_property
    def _explainer(self) -> onnxruntime.InferenceSession:
        if self._explain is None:
            raise VerificationRefused("this model has no contributions", hint="drop contributions from the answer")
        return _open(self._explain, "explain.onnx")


def domains(message: memoryview, kind: str = "model") -> Iterator[str]:
    """Whose operators a model's nodes are, in all its graphs. Raises ValueError for bytes that are no protobuf."""
    for number, value in _fields(message):
        if (kind, number) == NODE_DOMAIN:
            yield bytes(value).decode()
        elif (kind, number) == FUNCTIONS:
            yield "functions of its own"
        elif inner := INNER[kind].get(number):
            yield from domains(value, inner)


def _open(model: bytes, name: str) -> onnxruntime.InferenceSession:
    _check(model, name)
    try:
        # From bytes, which are the ones whose digest was compared; a path could lead elsewhere by now.
        return onnxruntime.InferenceSession(model, _options(), providers=["CPUExecutionProvider"])
    except Exception as error:  # its binding raises a dozen classes of its own, which have no base in common
        raise VerificationRefused(f"{name} does not load: {error}", hint=PACK_AGAIN) from error


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


def _fields(message: memoryview) -> Iterator[tuple[int, memoryview]]:
    """The fields of a protobuf message: numbers, and the bytes of those that have a length."""
    position = 0
    while position < len(message):
        if integers := INTEGERS.match(message, position):
            position = integers.end()
            continue
        key, position = _varint(message, position)
        kind = key & 7
        if kind == VARINT:
            _, position = _varint(message, position)
            continue
        if key >> 32:
            raise ValueError(f"its field at byte {position} has no number that protobuf allows")
        size, position = _varint(message, position) if kind == BYTES else (_size(kind), position)
        if position + size > len(message):
            raise ValueError(f"it breaks off at byte {len(message)}")
        yield key >> 3, message[position : position + size]
        position += size


def _size(kind: int) -> int:
    sizes = {EIGHT_BYTES: 8, FOUR_BYTES: 4}
    if kind not in sizes:
        raise ValueError(f"protobuf has no wire type {kind}")
    return sizes[kind]


def _varint(message: memoryview, position: int) -> tuple[int, int]:
    value = shift = 0
    while (byte := message[position]) & 0x80:
        value, shift, position = value | (byte & 0x7F) << shift, shift + 7, position + 1
    return value | byte << shift, position + 1
