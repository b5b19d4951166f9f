"""Functions that grow with their number: each in numpy, as scikit-learn works it out, and as nodes of a graph.

A tree behind such a function splits the number itself, at a limit found by numpy's own arithmetic, so the graph's
logarithm, which differs in the last bit, is never asked. Only linear models and the like compute it.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from towpath.training.compile.graph import GraphBuilder


@dataclass(frozen=True)
class Growing:
    """compute(values, operand) in numpy; emit(graph, values (n, k), k operands). Both see numbers from `floor` on."""

    compute: Callable[[np.ndarray, float], np.ndarray]
    emit: Callable[[GraphBuilder, str, np.ndarray], str]
    floor: float = -np.inf


def log1p(graph: GraphBuilder, values: str) -> str:
    """log(1 + x), right for small x too: x log(u) / (u - 1) with u = 1 + x rounded (Goldberg 1991, theorem 4)."""
    one = graph.constant(1.0)
    up = graph.call("Add", values, one)
    quotient = graph.call("Div", graph.call("Mul", values, graph.call("Log", up)), graph.call("Sub", up, one))
    itself = graph.call("Or", graph.call("Equal", up, one), graph.call("IsInf", values))
    return graph.call("Where", itself, values, quotient)


def expm1(graph: GraphBuilder, values: str) -> str:
    """exp(x) - 1, right for small x too: (u - 1) x / log(u) with u = exp(x) rounded (Higham 2002, section 1.14.1)."""
    one = graph.constant(1.0)
    power = graph.call("Exp", values)
    less, flat = graph.call("Sub", power, one), graph.call("Equal", power, one)
    near = graph.call("Less", graph.call("Abs", values), graph.constant(2.0))  # further away nothing is lost
    exact = graph.call("Div", graph.call("Mul", less, values), graph.call("Log", power))
    return graph.call("Where", flat, values, graph.call("Where", near, exact, less))


def _yeo_johnson(values: np.ndarray, power: float) -> np.ndarray:
    from scipy.stats import yeojohnson

    made: np.ndarray = yeojohnson(np.array(values, dtype=np.float64), power)
    return made


def _emit_yeo_johnson(graph: GraphBuilder, values: str, powers: np.ndarray) -> str:
    logs = log1p(graph, graph.call("Abs", values))
    above, below = _powered(graph, logs, powers), graph.call("Neg", _powered(graph, logs, 2.0 - powers))
    return graph.call("Where", graph.call("Less", values, graph.constant(0.0)), below, above)


def _powered(graph: GraphBuilder, logs: str, powers: np.ndarray) -> str:
    """expm1(power * log) / power; where the power is 0, its limit, the logarithm."""
    zero = np.abs(powers) < np.finfo(np.float64).eps
    safe = graph.constant(np.where(zero, 1.0, powers))
    raised = graph.call("Div", expm1(graph, graph.call("Mul", logs, safe)), safe)
    return graph.call("Where", graph.constant(zero, np.bool_), logs, raised)


def _plain(function: np.ufunc, emit: Callable[[GraphBuilder, str], str], floor: float = -np.inf) -> Growing:
    def compute(values: np.ndarray, operand: float) -> np.ndarray:
        with np.errstate(all="ignore"):
            made: np.ndarray = function(np.maximum(values, floor))
        return made

    return Growing(compute, lambda graph, values, operands: emit(graph, values), floor)


def _log(base: float) -> Callable[[GraphBuilder, str], str]:
    return lambda graph, values: graph.call("Div", graph.call("Log", values), graph.constant(np.log(base)))


GROWING: dict[str, Growing] = {
    "log": _plain(np.log, lambda graph, values: graph.call("Log", values), 0.0),
    "log2": _plain(np.log2, _log(2.0), 0.0),
    "log10": _plain(np.log10, _log(10.0), 0.0),
    "log1p": _plain(np.log1p, log1p, -1.0),
    "sqrt": _plain(np.sqrt, lambda graph, values: graph.call("Sqrt", values), 0.0),
    "exp": _plain(np.exp, lambda graph, values: graph.call("Exp", values)),
    "expm1": _plain(np.expm1, expm1),
    "yeo_johnson": Growing(_yeo_johnson, _emit_yeo_johnson),
}
