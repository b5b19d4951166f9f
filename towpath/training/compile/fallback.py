"""What has no converter of ours: the final estimator through skl2onnx, in double, over our matrix of its features.

Its nodes become a part of the graph. The parity gate holds it to a wider tolerance, and it has no contributions.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sklearn.base import is_classifier, is_regressor
from sklearn.neighbors import (
    KNeighborsClassifier,
    KNeighborsRegressor,
    RadiusNeighborsClassifier,
    RadiusNeighborsRegressor,
)

from towpath.core.errors import VerificationRefused
from towpath.core.plan import Link
from towpath.engine.graph import DOMAINS, GraphModel
from towpath.training.compile.features import Feature, Inputs, refuse_missing
from towpath.training.compile.graph import OPSET, ROWS, GraphBuilder
from towpath.training.compile.matrix import emit_matrix, with_refusals
from towpath.training.compile.protocol import NEAR, ScoresOnly
from towpath.training.compile.refusals import not_supported

NEIGHBOURS = (KNeighborsClassifier, KNeighborsRegressor, RadiusNeighborsClassifier, RadiusNeighborsRegressor)
TREES_OF_OLD = 3  # the version of ai.onnx.ml that skl2onnx writes; later ones only added to it


@dataclass(frozen=True)
class Foreign(ScoresOnly):
    """Nodes of skl2onnx over the features; `wanted` is its output, of which the last `outputs` columns are raw."""

    model: Any
    wanted: str
    outputs: int
    binary: bool
    features: Sequence[Feature]
    unexplained: str
    link: Link = "identity"
    tolerance: float = NEAR

    def emit(self, graph: GraphBuilder, rows: str) -> str:
        matrix = emit_matrix(graph, rows, self.features)
        found = graph.embed(self.model.graph, matrix, self.wanted)
        if self.binary:  # of two classes the second is the positive one
            found = graph.call("Gather", found, graph.constant([1], int), axis=1)
        raw = graph.call("Reshape", found, graph.constant([-1, self.outputs], int))
        # scikit-learn raises for a missing value here; a network's max(0, x), for one, would make it 0.
        return with_refusals(graph, rows, self.features, raw)


def foreign(estimator: Any, inputs: Inputs, known: dict[type, Callable[..., Any]]) -> Foreign:
    """The model of an estimator that is not among the known. Raises VerificationRefused telling what is in the way."""
    name = type(estimator).__name__
    if isinstance(estimator, NEIGHBOURS):
        raise VerificationRefused(
            f"{inputs.place} is a {name}: a bundle would hold every training row",
            hint="use a forest or boosted trees, which learn neighbourhoods too",
        )
    if not (is_regressor(estimator) or hasattr(estimator, "predict_proba")):
        raise not_supported(estimator, inputs.place, known)
    made = _converted(estimator, inputs, known)
    features = [refuse_missing(feature) for feature in inputs.features]
    classes = len(estimator.classes_) if is_classifier(estimator) else 1
    wanted = made.graph.output[-1].name
    why = f"a {name} goes through skl2onnx, which tells scores only"
    found = Foreign(made, wanted, 1 if classes == 2 else classes, classes == 2, features, why)
    _try(found, estimator, inputs)
    return found


def _converted(estimator: Any, inputs: Inputs, known: dict[type, Callable[..., Any]]) -> Any:
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import DoubleTensorType

    options = {id(estimator): {"zipmap": False}} if is_classifier(estimator) else None
    try:
        made = to_onnx(
            estimator,
            initial_types=[("X", DoubleTensorType([None, len(inputs.features)]))],
            options=options,
            target_opset={"": OPSET, "ai.onnx.ml": TREES_OF_OLD},
        )
    except Exception as error:  # skl2onnx raises what it meets, of no class in common
        refused = not_supported(estimator, inputs.place, known)
        told = str(error).strip().split("\n")[0].rstrip(".")
        raise VerificationRefused(f"{refused}, and skl2onnx has none: {told}", hint=refused.hint) from error
    if strange := sorted({f"{node.domain}:{node.op_type}" for node in made.graph.node if node.domain not in DOMAINS}):
        raise VerificationRefused(
            f"{inputs.place}, a {type(estimator).__name__}, needs {', '.join(strange)}",
            hint="only the operators of ONNX itself are run; use another estimator",
        )
    return made


def _try(model: Foreign, estimator: Any, inputs: Inputs) -> None:
    """Load it: skl2onnx writes some models that onnxruntime has no double operator for."""
    graph = GraphBuilder(len(inputs.columns))
    try:
        GraphModel(graph.finish("raw", [None, model.outputs], model.emit(graph, ROWS)))
    except VerificationRefused as error:
        told = str(error.__cause__ or error).split(" : ")[-1]
        raise VerificationRefused(
            f"{inputs.place}, a {type(estimator).__name__}, cannot be run in double: {told}",
            hint="use another estimator",
        ) from error
