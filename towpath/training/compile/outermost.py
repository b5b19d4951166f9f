"""What a model may not be as a whole, though as a member of another it is fine: one that decides by itself."""

from typing import Any

from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    RandomizedSearchCV,
    TunedThresholdClassifierCV,
)
from sklearn.pipeline import Pipeline

from towpath.core.errors import VerificationRefused
from towpath.declare.resample import Resampled

THRESHOLDED: tuple[type, ...] = (FixedThresholdClassifier, TunedThresholdClassifierCV)

# Whose decisions are those of one estimator inside, and where it is.
PASSING: dict[type, str] = {
    FrozenEstimator: "estimator",
    GridSearchCV: "best_estimator_",
    RandomizedSearchCV: "best_estimator_",
    Resampled: "estimator_",
}


def refuse_own_threshold(estimator: Any) -> None:
    """Raises VerificationRefused where the model has a decision threshold, which a bundle's settings would replace."""
    while (inner := _inner(estimator)) is not None:
        estimator = inner
    if type(estimator) in THRESHOLDED:
        raise VerificationRefused(
            f"the model is a {type(estimator).__name__}, whose threshold would be lost: a service decides by its own",
            hint=f"give the estimator inside it alone, and declare {_declared(estimator)} in the service",
        )


def _inner(estimator: Any) -> Any:
    if type(estimator) is Pipeline:
        return estimator.steps[-1][1]
    name = PASSING.get(type(estimator))
    return getattr(estimator, name) if name else None


def _declared(estimator: Any) -> str:
    """The threshold as the service says it; one of a decision function is no probability."""
    given = getattr(estimator, "threshold", None)
    if isinstance(given, float) and 0 < given < 1 and estimator.response_method != "decision_function":
        return f"threshold={given:g}"
    return 'threshold=best_for("f1") or threshold=0.9'
