"""Functions of one number that stand between a raw score and what the next stage makes of it, in double."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from towpath.core.plan import Link
from towpath.engine import links
from towpath.training.compile.graph import GraphBuilder


class Curve(Protocol):
    """A function of one number; NaN stays NaN. A steep one needs its argument to the last bit."""

    @property
    def steep(self) -> bool: ...
    def __call__(self, values: np.ndarray) -> np.ndarray: ...
    def slope(self, values: np.ndarray) -> np.ndarray:
        """Its derivative."""

    def emit(self, graph: GraphBuilder, values: str) -> str: ...


@dataclass(frozen=True)
class LinkCurve:
    """A link that works on each output by itself, which are all but softmax."""

    link: Link
    steep = False

    def __call__(self, values: np.ndarray) -> np.ndarray:
        return links.LINKS[self.link](values)

    def slope(self, values: np.ndarray) -> np.ndarray:
        return links.SLOPES[self.link](values)

    def emit(self, graph: GraphBuilder, values: str) -> str:
        match self.link:
            case "logistic":
                return graph.call("Sigmoid", values)
            case "exp":
                return graph.call("Exp", values)
            case "expm1":
                return graph.call("Sub", graph.call("Exp", values), graph.constant(1.0))
            case "exp2" | "power10":
                return graph.call("Pow", graph.constant(2.0 if self.link == "exp2" else 10.0), values)
            case "square":
                return graph.call("Mul", values, values)
            case "sqrt":
                return graph.call("Sqrt", values)
        return values


@dataclass(frozen=True)
class LogOdds:
    """log(p + eps) - log(1 - p + eps): what scikit-learn's temperature scaling makes of a probability."""

    eps: float
    steep = True

    def __call__(self, values: np.ndarray) -> np.ndarray:
        odds: np.ndarray = np.log(values + self.eps) - np.log(1.0 - values + self.eps)
        return odds

    def slope(self, values: np.ndarray) -> np.ndarray:
        steep: np.ndarray = 1.0 / (values + self.eps) + 1.0 / (1.0 - values + self.eps)
        return steep

    def emit(self, graph: GraphBuilder, values: str) -> str:
        eps = graph.constant(self.eps)
        rest = graph.call("Sub", graph.constant(1.0), values)
        sides = [graph.call("Log", graph.call("Add", side, eps)) for side in (values, rest)]
        return graph.call("Sub", *sides)


@dataclass(frozen=True)
class Logarithm:
    """log(p + eps)."""

    eps: float
    steep = True

    def __call__(self, values: np.ndarray) -> np.ndarray:
        logs: np.ndarray = np.log(values + self.eps)
        return logs

    def slope(self, values: np.ndarray) -> np.ndarray:
        steep: np.ndarray = 1.0 / (values + self.eps)
        return steep

    def emit(self, graph: GraphBuilder, values: str) -> str:
        return graph.call("Log", graph.call("Add", values, graph.constant(self.eps)))


@dataclass(frozen=True)
class Polyline:
    """Straight lines between points (x, y), x strictly growing, and the first and last y beyond them."""

    x: np.ndarray
    y: np.ndarray
    steep = True

    def __call__(self, values: np.ndarray) -> np.ndarray:
        found = np.searchsorted(self.x, values, side="left")
        low, start, steep = (side[found] for side in self._pieces())
        # Beyond the ends the slope is 0, so nothing is added; a missing value stays one, which a clip would swallow.
        reached: np.ndarray = steep * (values - start) + low
        return reached

    def slope(self, values: np.ndarray) -> np.ndarray:
        steep: np.ndarray = self._pieces()[2][np.searchsorted(self.x, values, side="left")]
        return steep

    def emit(self, graph: GraphBuilder, values: str) -> str:
        """values are (n, 1). The number of points below a value is the number of its piece."""
        above = graph.call("Greater", values, graph.constant(self.x[None, :]))
        counted = graph.call("ReduceSum", graph.call("Cast", above, to=graph.INT64), graph.constant([1], np.int64))
        low, start, steep = (graph.call("Gather", graph.constant(side), counted) for side in self._pieces())
        return graph.call("Add", graph.call("Mul", steep, graph.call("Sub", values, start)), low)

    def _pieces(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """y and x where each piece starts, and its slope; the pieces before the first and behind the last are flat."""
        steep = np.diff(self.y) / np.diff(self.x)
        return np.append(self.y[0], self.y), np.append(self.x[0], self.x), np.concatenate([[0.0], steep, [0.0]])
