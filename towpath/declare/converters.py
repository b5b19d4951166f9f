"""Converters of one's own: how an estimator that Towpath does not know becomes nodes of the graph."""

from collections.abc import Callable
from typing import Any, Literal

from msgspec import Struct

Emit = Callable[[Any, Any, str], str]
Link = Literal["identity", "logistic", "softmax", "exp"]


class Converter(Struct, frozen=True):
    """emit(estimator, graph, features) adds nodes and names the raw scores; the link makes scores of them."""

    emit: Emit
    link: Link


CONVERTERS: dict[type, Converter] = {}


def converter(kind: type, *, link: Link = "identity") -> Callable[[Emit], Emit]:
    """How fitted estimators of this class answer, for the compiler: `@converter(MyRegressor)` above a function.

    The function gets the fitted estimator, the graph and the name of its features there, float64 (n, features) in the
    order it was fitted on. It returns the name of the raw scores, float64: (n, 1) for a value, or for the positive one
    of two classes; (n, classes) for more. `graph.call("MatMul", features, graph.constant(weights))` adds an operator of
    ONNX and returns the name of its output. What comes out is proved like every other model.
    """

    def register(emit: Emit) -> Emit:
        CONVERTERS[kind] = Converter(emit, link)
        return emit

    return register
