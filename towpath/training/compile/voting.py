"""Ensembles of any estimators: voting, bagging and one against the rest. Members may be pipelines of their own."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from sklearn.ensemble import BaggingClassifier, BaggingRegressor, VotingClassifier, VotingRegressor
from sklearn.multiclass import OneVsRestClassifier
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor, ExtraTreeClassifier, ExtraTreeRegressor

from towpath.core.errors import VerificationRefused
from towpath.training.compile.compose import Normalised, Weighted, average, scored
from towpath.training.compile.features import Inputs
from towpath.training.compile.protocol import Model
from towpath.training.compile.refusals import setting_not_supported
from towpath.training.compile.trees import averaged

SINGLE_TREES = (DecisionTreeClassifier, DecisionTreeRegressor, ExtraTreeClassifier, ExtraTreeRegressor)


def _voting(estimator: Any, inputs: Inputs) -> Model:
    if getattr(estimator, "voting", "soft") != "soft":
        raise VerificationRefused(
            f"{inputs.place}, a VotingClassifier, has voting='hard': it counts decisions and has no probability",
            hint="use voting='soft'",
        )
    members = [scored(inputs.member(one, name)) for name, one in named(estimator)]
    weights = estimator._weights_not_none
    return average(members, [1.0] * len(members) if weights is None else weights)


def named(estimator: Any) -> list[tuple[str, Any]]:
    """The fitted members of a voting or stacking with their names; dropped ones are not there."""
    names = [name for name, one in estimator.estimators if not (isinstance(one, str) and one == "drop")]
    return list(zip(names, estimator.estimators_, strict=True))


def _bagging(estimator: Any, inputs: Inputs) -> Model:
    chosen = [list(features) for features in estimator.estimators_features_]
    if all(type(one) in SINGLE_TREES for one in estimator.estimators_) and _same_classes(estimator):
        return averaged(estimator.estimators_, estimator.estimators_[0], inputs, chosen)
    inside = inputs.member if not inputs.decision else inputs.margin
    members = [
        inside(one, str(i), [inputs.features[position] for position in positions])
        for i, (one, positions) in enumerate(zip(estimator.estimators_, chosen, strict=True))
    ]
    if inputs.decision:
        return average(members, [1.0] * len(members))
    return _mean_of_classes(estimator, [scored(member) for member in members], inputs.place)


def _mean_of_classes(estimator: Any, members: Sequence[Model], place: str) -> Model:
    if _same_classes(estimator):
        return average(members, [1.0] * len(members))
    raise setting_not_supported(estimator, place, "members that never saw some of the classes")


def _same_classes(estimator: Any) -> bool:
    count = getattr(estimator, "n_classes_", None)
    return count is None or all(len(one.classes_) == count for one in estimator.estimators_)


def _one_against_rest(estimator: Any, inputs: Inputs) -> Model:
    inside = inputs.margin if inputs.decision else inputs.member
    members = [
        inside(one, str(name))
        for name, one in zip(estimator.classes_[-len(estimator.estimators_) :], estimator.estimators_, strict=True)
    ]
    if len(members) == 1:
        return members[0]
    places = tuple(np.eye(len(members))[i : i + 1] for i in range(len(members)))
    if inputs.decision:
        return Weighted(tuple(members), places, np.zeros(len(members)))
    return Normalised(
        (Weighted(tuple(scored(member) for member in members), places, np.zeros(len(members))),), empty=0.0
    )


VOTING: dict[type, Callable[[Any, Inputs], Model]] = {
    VotingClassifier: _voting,
    VotingRegressor: _voting,
    BaggingClassifier: _bagging,
    BaggingRegressor: _bagging,
    OneVsRestClassifier: _one_against_rest,
}
