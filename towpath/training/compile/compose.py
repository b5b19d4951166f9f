"""Models made of models: sums, links and curves over them, and their contributions, which stay exactly additive.

Contributions go through each stage by a secant, so that at every stage base + their sum is the stage's output:

- a sum: the same sum of the members' contributions;
- a function f of one raw score (a link, a calibration curve): times (f(raw) - f(base)) / (raw - base), the slope of
  the chord between base and raw; where they meet, the slope of f;
- softmax, from base probabilities q to p: with L = (p - q) / (log p - log q), the logarithmic mean of the two, class k
  gets L_k (c_k - sum_j L_j c_j / sum_j L_j). That is softmax's own derivative p_k (delta_kj - p_j), taken at the means
  in place of a point. It adds up because the L_k have the sum of p - q, which is zero, in common; for two classes it is
  the logistic rule above; over the classes a column's contributions add up to zero;
- p_k / sum_j p_j: differences of the two factors, each times the mean of the other.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from towpath.core.plan import Link
from towpath.training.compile.curves import Curve, LinkCurve
from towpath.training.compile.features import Feature
from towpath.training.compile.graph import GraphBuilder
from towpath.training.compile.protocol import Model

NEAR_BASE = 1e-12  # closer than this a chord's slope is noise; the function's own slope is as exact
NEAR_ONE = 1e-6  # of log p / q: closer the logarithmic mean is the plain mean, off by a twelfth of its square


@dataclass(frozen=True)
class Composed:
    """What every composed model knows of its members."""

    members: tuple[Model, ...]

    @property
    def features(self) -> Sequence[Feature]:
        return ()

    @property
    def tolerance(self) -> float:
        return max(member.tolerance for member in self.members)

    @property
    def unexplained(self) -> str:
        return next((member.unexplained for member in self.members if member.unexplained), "")

    def thresholds(self) -> list[tuple[int, float]]:
        return sorted({split for member in self.members for split in member.thresholds()})

    def visits(self, rows: np.ndarray) -> list[tuple[int, int, float]]:
        return [visit for member in self.members for visit in member.visits(rows)]


@dataclass(frozen=True)
class Weighted(Composed):
    """offset + the sum over the members of raw (n, its outputs) x matrix (its outputs, outputs)."""

    matrices: tuple[np.ndarray, ...]
    offset: np.ndarray
    link: Link = "identity"

    @property
    def outputs(self) -> int:
        return len(self.offset)

    def emit(self, graph: GraphBuilder, rows: str) -> str:
        parts = [
            _times(graph, member.emit(graph, rows), matrix)
            for member, matrix in zip(self.members, self.matrices, strict=True)
        ]
        total = graph.call("Sum", *parts) if len(parts) > 1 else parts[0]
        return graph.call("Add", total, graph.constant(self.offset)) if self.offset.any() else total

    def emit_contributions(self, graph: GraphBuilder, rows: str) -> str | None:
        added = [member.emit_contributions(graph, rows) for member in self.members]
        parts = [
            _mixed(graph, one, matrix) for one, matrix in zip(added, self.matrices, strict=True) if one is not None
        ]
        if len(parts) < len(added):
            return None
        return graph.call("Sum", *parts) if len(parts) > 1 else parts[0]

    def base(self) -> tuple[float, ...]:
        if self.unexplained:
            return ()
        pairs = zip(self.members, self.matrices, strict=True)
        return _numbers(self.offset + sum(np.array(member.base()) @ matrix for member, matrix in pairs))


@dataclass(frozen=True)
class Curved(Composed):
    """One member, each of its outputs through a curve; one curve is for all outputs."""

    curves: tuple[Curve, ...]
    link: Link = "identity"

    @property
    def outputs(self) -> int:
        return self.members[0].outputs

    def emit(self, graph: GraphBuilder, rows: str) -> str:
        return self._bent(graph, self.members[0].emit(graph, rows))

    def emit_contributions(self, graph: GraphBuilder, rows: str) -> str | None:
        added = self.members[0].emit_contributions(graph, rows)
        if added is None:
            return None
        base = np.array(self.members[0].base())
        moved = _moved(graph, added)
        # base + moved is the raw score but for its last bits, without running the member a second time.
        steep = any(curve.steep for curve in self.curves)
        raw = self.members[0].emit(graph, rows) if steep else graph.call("Add", moved, graph.constant(base))
        risen = graph.call("Sub", self._bent(graph, raw), graph.constant(self.base()))
        chord = _quotient(graph, risen, moved, self._each(base, "slope"), NEAR_BASE)
        return graph.call("Mul", added, _by_output(graph, chord))

    def base(self) -> tuple[float, ...]:
        base = np.array(self.members[0].base())
        return _numbers(self._each(base, "__call__")) if len(base) else ()

    def _each(self, values: np.ndarray, what: str) -> np.ndarray:
        if len(self.curves) == 1:
            return np.asarray(getattr(self.curves[0], what)(values))
        return np.array([float(getattr(curve, what)(values[i : i + 1])[0]) for i, curve in enumerate(self.curves)])

    def _bent(self, graph: GraphBuilder, values: str) -> str:
        if len(self.curves) == 1:
            return self.curves[0].emit(graph, values)
        columns = [graph.call("Gather", values, graph.constant([i], np.int64), axis=1) for i in range(self.outputs)]
        bent = [curve.emit(graph, column) for curve, column in zip(self.curves, columns, strict=True)]
        return graph.call("Concat", *bent, axis=1)


@dataclass(frozen=True)
class Softmaxed(Composed):
    """The probabilities of one member whose raw scores are those of a softmax."""

    link: Link = "identity"

    @property
    def outputs(self) -> int:
        return self.members[0].outputs

    def emit(self, graph: GraphBuilder, rows: str) -> str:
        return graph.call("Softmax", self.members[0].emit(graph, rows), axis=1)

    def emit_contributions(self, graph: GraphBuilder, rows: str) -> str | None:
        added = self.members[0].emit_contributions(graph, rows)
        if added is None:
            return None
        base = np.array(self.members[0].base())
        start = base - base.max() - np.log(np.exp(base - base.max()).sum())
        logs = _log_softmax(graph, graph.call("Add", _moved(graph, added), graph.constant(base)))
        p, q = graph.call("Exp", logs), graph.constant(np.exp(start))
        middle = graph.call("Mul", graph.call("Add", p, q), graph.constant(0.5))
        means = _quotient(
            graph, graph.call("Sub", p, q), graph.call("Sub", logs, graph.constant(start)), middle, NEAR_ONE
        )
        shares = graph.call("Div", means, _sum(graph, means, 1))
        common = graph.call(
            "ReduceSum", graph.call("Mul", _by_output(graph, shares), added), graph.constant([1], np.int64)
        )
        return graph.call("Mul", _by_output(graph, means), graph.call("Sub", added, common))

    def base(self) -> tuple[float, ...]:
        base = np.array(self.members[0].base())
        if not len(base):
            return ()
        powers = np.exp(base - base.max())
        return _numbers(powers / powers.sum())


@dataclass(frozen=True)
class Normalised(Composed):
    """One member's outputs, none of them negative, over their sum. Where all are zero each gets `empty`."""

    empty: float
    link: Link = "identity"

    @property
    def outputs(self) -> int:
        return self.members[0].outputs

    def emit(self, graph: GraphBuilder, rows: str) -> str:
        return self._shares(graph, self.members[0].emit(graph, rows))[0]

    def emit_contributions(self, graph: GraphBuilder, rows: str) -> str | None:
        added = self.members[0].emit_contributions(graph, rows)
        if added is None:
            return None
        base = np.array(self.members[0].base())
        total = float(base.sum()) or 1.0
        # To the last bit, as base + moved is not: where all are zero their shares are not those of something tiny.
        p = self.members[0].emit(graph, rows)
        share, sums = self._shares(graph, p)
        inverse = graph.call("Div", graph.constant(1.0), sums)
        middle = graph.call("Mul", graph.call("Add", inverse, graph.constant(1.0 / total)), graph.constant(0.5))
        fall = graph.call("Mul", inverse, graph.constant(1.0 / total))
        both = graph.call("Mul", graph.call("Add", p, graph.constant(base)), graph.constant(0.5))
        risen = graph.call("ReduceSum", added, graph.constant([1], np.int64))  # (n, 1, columns)
        spread = graph.call(
            "Sub",
            graph.call("Mul", added, _by_output(graph, middle)),
            graph.call("Mul", risen, _by_output(graph, graph.call("Mul", both, fall))),
        )
        return _with_rest(graph, spread, graph.call("Sub", share, graph.constant(self.base())), added)

    def base(self) -> tuple[float, ...]:
        base = np.array(self.members[0].base())
        total = base.sum() if len(base) else 0.0
        return _numbers(base / total if total else np.full(len(base), self.empty))

    def _shares(self, graph: GraphBuilder, p: str) -> tuple[str, str]:
        """The shares, and the sums with 1 in place of 0."""
        total = _sum(graph, p, 1)
        is_zero = graph.call("Equal", total, graph.constant(0.0))
        sums = graph.call("Where", is_zero, graph.constant(1.0), total)
        share = graph.call("Div", p, sums)
        return (graph.call("Where", is_zero, graph.constant(self.empty), share) if self.empty else share), sums


def scored(model: Model) -> Model:
    """The model in the space of its scores: its link becomes a part of the graph."""
    if model.link == "identity":
        return model
    return Softmaxed((model,)) if model.link == "softmax" else Curved((model,), (LinkCurve(model.link),))


def average(models: Sequence[Model], weights: Sequence[float]) -> Model:
    """The weighted mean of the raw scores."""
    shares = np.array(weights, dtype=np.float64) / np.sum(weights)
    outputs = models[0].outputs
    return Weighted(tuple(models), tuple(np.eye(outputs) * share for share in shares), np.zeros(outputs))


def _times(graph: GraphBuilder, values: str, matrix: np.ndarray) -> str:
    if (factor := _factor(matrix)) is None:
        return graph.call("MatMul", values, graph.constant(matrix))
    return values if factor == 1.0 else graph.call("Mul", values, graph.constant(factor))


def _mixed(graph: GraphBuilder, added: str, matrix: np.ndarray) -> str:
    """The same for contributions (n, outputs, columns)."""
    if (factor := _factor(matrix)) is None:
        return graph.call("MatMul", graph.constant(matrix.T), added)
    return added if factor == 1.0 else graph.call("Mul", added, graph.constant(factor))


def _factor(matrix: np.ndarray) -> float | None:
    """The number that the matrix is the same as, if there is one."""
    alike = matrix.shape[0] == matrix.shape[1] and np.array_equal(matrix, np.eye(len(matrix)) * matrix[0, 0])
    return float(matrix[0, 0]) if alike else None


def _moved(graph: GraphBuilder, added: str) -> str:
    """raw - base, (n, outputs)."""
    return graph.call("ReduceSum", added, graph.constant([2], np.int64), keepdims=0)


def _sum(graph: GraphBuilder, values: str, axis: int) -> str:
    return graph.call("ReduceSum", values, graph.constant([axis], np.int64))


def _by_output(graph: GraphBuilder, values: str) -> str:
    """(n, outputs) as (n, outputs, 1), which goes with contributions."""
    return graph.call("Unsqueeze", values, graph.constant([2], np.int64))


def _quotient(graph: GraphBuilder, above: str, below: str, limit: str | np.ndarray, least: float) -> str:
    """above / below, and the limit where |below| is under the least."""
    near = graph.call("Less", graph.call("Abs", below), graph.constant(least))
    safe = graph.call("Where", near, graph.constant(1.0), below)
    otherwise = limit if isinstance(limit, str) else graph.constant(limit)
    return graph.call("Where", near, otherwise, graph.call("Div", above, safe))


def _log_softmax(graph: GraphBuilder, raw: str) -> str:
    shifted = graph.call("Sub", raw, graph.call("ReduceMax", raw, graph.constant([1], np.int64)))
    return graph.call("Sub", shifted, graph.call("Log", _sum(graph, graph.call("Exp", shifted), 1)))


def _with_rest(graph: GraphBuilder, spread: str, moved: str, added: str) -> str:
    """What is missing to `moved` goes to the columns in the shares of what they added; it is zero but at empty sums."""
    sizes = graph.call("ReduceSum", graph.call("Abs", added), graph.constant([1], np.int64))
    total = _sum(graph, sizes, 2)
    shares = _quotient(graph, sizes, total, np.array(0.0), np.finfo(np.float64).tiny)
    rest = graph.call("Sub", moved, _moved(graph, spread))
    return graph.call("Add", spread, graph.call("Mul", _by_output(graph, rest), shares))


def _numbers(values: np.ndarray) -> tuple[float, ...]:
    return tuple(float(value) for value in values)
