"""Models made of models answer as scikit-learn does, and their contributions add up through every stage."""

from typing import Any

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    BaggingClassifier,
    BaggingRegressor,
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.linear_model import Lasso, LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from tests.training.customers import (
    COLUMNS,
    NUMBERS,
    WORDS,
    additivity,
    customers,
    leavers,
    plans,
    scores,
    spending,
    summed,
)
from tests.training.pipelines import coded, hold, scaled
from towpath.core.errors import VerificationRefused
from towpath.engine.graph import GraphModel
from towpath.training import parity
from towpath.training.compile.compose import average, scored
from towpath.training.compile.model import compile_model, convert


def forest(trees: int = 8) -> RandomForestClassifier:
    return RandomForestClassifier(trees, max_depth=5, random_state=0)


def lines() -> LogisticRegression:
    return LogisticRegression(max_iter=500)


def boosting() -> HistGradientBoostingClassifier:
    return HistGradientBoostingClassifier(max_iter=8, random_state=0)


def gradient() -> GradientBoostingClassifier:
    return GradientBoostingClassifier(n_estimators=8, random_state=0)


def soft(*members: Any, **settings: Any) -> VotingClassifier:
    return VotingClassifier([(f"m{i}", one) for i, one in enumerate(members)], voting="soft", **settings)


def stack(*members: Any, **settings: Any) -> StackingClassifier:
    return StackingClassifier([(f"m{i}", one) for i, one in enumerate(members)], cv=2, **settings)


TREES_OF_FEW = BaggingClassifier(DecisionTreeClassifier(max_depth=5), n_estimators=6, max_features=0.6, random_state=0)

CLASSIFIERS = {
    "voting": (scaled(soft(lines(), forest(), boosting(), gradient(), weights=[0.4, 0.3, 0.2, 0.1])), leavers),
    "voting of three classes": (scaled(soft(lines(), forest(), boosting(), "drop")), plans),
    "voting of pipelines": (soft(scaled(lines()), coded(boosting())), leavers),
    "stack": (scaled(stack(lines(), forest(), LinearSVC())), leavers),
    "stack of three classes": (
        scaled(stack(lines(), forest(), final_estimator=make_pipeline(StandardScaler(), lines()))),
        plans,
    ),
    "stack with features": (scaled(stack(lines(), forest(), passthrough=True)), leavers),
    "stack under a forest": (
        scaled(stack(forest(), boosting(), passthrough=True, final_estimator=forest(5))),
        leavers,
    ),
    "bagging": (scaled(TREES_OF_FEW), leavers),
    "bagging of three classes": (scaled(TREES_OF_FEW), plans),
    "bagging of lines": (scaled(BaggingClassifier(lines(), n_estimators=3, max_features=0.6, random_state=0)), plans),
    "one against the rest": (scaled(OneVsRestClassifier(lines())), plans),
    "forests against the rest": (scaled(OneVsRestClassifier(forest(4))), plans),
    "one against one": (scaled(OneVsRestClassifier(gradient())), leavers),
    "a choice": (GridSearchCV(scaled(lines()), {"logisticregression__C": [0.1, 1.0]}, cv=2), leavers),
    "all in all": (
        soft(
            scaled(soft(lines(), CalibratedClassifierCV(LinearSVC(), cv=2))),
            stack(scaled(gradient()), coded(boosting())),
            weights=[1, 2],
        ),
        plans,
    ),
}

VALUES = {
    "voting of values": VotingRegressor(
        [("a", scaled(Ridge())), ("b", coded(HistGradientBoostingRegressor(max_iter=8)))]
    ),
    "stack of values": StackingRegressor(
        [("a", scaled(Ridge())), ("b", scaled(RandomForestRegressor(8, max_depth=5)))], final_estimator=Lasso(), cv=2
    ),
    "bagging of values": scaled(BaggingRegressor(n_estimators=5, max_features=0.7, random_state=0)),
}


LARGE = {"all in all", "stack under a forest"}


@pytest.mark.parametrize(
    "case", [pytest.param(case, marks=pytest.mark.slow) if case in LARGE else case for case in CLASSIFIERS]
)
def test_a_classifier_of_classifiers_answers_as_scikit_learn_and_adds_up(case: str) -> None:
    model, target = CLASSIFIERS[case]

    assert hold(model, target(customers())).outputs == (3 if target is plans else 1)


@pytest.mark.parametrize("case", VALUES)
def test_a_regressor_of_regressors_answers_as_scikit_learn_and_adds_up(case: str) -> None:
    assert hold(VALUES[case], spending(customers())).outputs == 1


@pytest.mark.parametrize(
    "composed",
    [
        pytest.param(soft, id="voting"),
        pytest.param(stack, id="stack"),
        pytest.param(lambda *members: stack(*members, final_estimator=forest(3)), id="stack under a forest"),
        pytest.param(lambda one, other: CalibratedClassifierCV(soft(one, other), cv=2), id="calibrated voting"),
        pytest.param(
            lambda one, other: CalibratedClassifierCV(soft(one, other), cv=2, method="isotonic"), id="isotonic"
        ),
    ],
)
@pytest.mark.parametrize("target", [leavers, plans])
def test_a_category_that_one_member_refuses_is_refused_by_all(composed: Any, target: Any) -> None:
    strict = ColumnTransformer([("words", OneHotEncoder(), WORDS), ("numbers", "passthrough", ["Age"])])
    model = composed(make_pipeline(strict, ExtraTreesClassifier(5, max_depth=4)), scaled(lines()))
    model.fit(customers(), target(customers()))
    asked = customers(rows=50, seed=2)
    asked.loc[::2, "Country"] = "Malta"  # which nobody in training came from

    compiled = compile_model(model, COLUMNS, parity.to_rows(asked[1::2], COLUMNS))
    rows = parity.to_rows(asked, COLUMNS)
    told = [scores(compiled, rows), *([summed(compiled, rows)] if compiled.explain else [])]

    assert all(np.isnan(given[::2]).all(axis=1).tolist() == [True] * 25 for given in told)
    assert all(np.isfinite(given[1::2]).all() for given in told)


def test_members_share_what_comes_before_them() -> None:
    alone = hold(scaled(lines()), leavers(customers()))

    both = hold(scaled(soft(lines(), LogisticRegression(C=0.01))), leavers(customers()))

    assert len(both.graph) < 1.5 * len(alone.graph)


def test_a_voting_weighs_its_members_contributions() -> None:
    frame, left = customers(), leavers(customers())
    parts = [scaled(forest()).fit(frame, left), coded(boosting()).fit(frame, left)]
    rows = parity.to_rows(frame, COLUMNS)
    both = compile_model(
        VotingClassifier([("a", parts[0]), ("b", parts[1])], voting="soft", weights=[3, 1]).fit(frame, left), COLUMNS
    )
    members = [scored(convert(part, COLUMNS)) for part in parts]

    expected = np.average([member.base() for member in members], axis=0, weights=[3, 1])
    assert both.base == pytest.approx(expected)
    assert average(members, [3, 1]).base() == pytest.approx(expected)
    assert GraphModel(both.graph, both.explain).contributions(rows).shape == (400, 1, 6)


def test_the_splits_of_all_members_are_asked_for() -> None:
    frame, left = customers(), leavers(customers())
    parts = [("a", scaled(forest())), ("b", coded(boosting()))]
    both = convert(VotingClassifier(parts, voting="soft").fit(frame, left), COLUMNS)
    alone = [convert(part.fit(frame, left), COLUMNS) for _, part in parts]

    assert set(both.thresholds()) == {split for one in alone for split in one.thresholds()}
    assert len(both.visits(parity.to_rows(frame, COLUMNS))) == sum(
        len(one.visits(parity.to_rows(frame, COLUMNS))) for one in alone
    )


REFUSED = {
    "hard": (scaled(VotingClassifier([("a", lines())])), "voting='hard'"),
    "a decision": (scaled(LinearSVC()), "LinearSVC, which has no probabilities"),
    "stacked decisions": (
        scaled(stack(DecisionTreeClassifier(max_depth=2), lines(), stack_method="predict")),
        "stacks the decisions of m0",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_has_no_probability_is_refused_by_name(case: str) -> None:
    model, says = REFUSED[case]
    model.fit(customers(), leavers(customers()))

    with pytest.raises(VerificationRefused, match=says):
        compile_model(model, COLUMNS)


def test_a_member_that_cannot_be_converted_is_named_with_its_place() -> None:
    model = soft(scaled(lines()), scaled(KNeighborsClassifier())).fit(customers(), leavers(customers()))

    with pytest.raises(VerificationRefused, match=r"the estimator\.m1\.kneighborsclassifier is a KNeighborsClassifier"):
        compile_model(model, COLUMNS)


def test_where_no_member_says_yes_the_contributions_add_up_to_nothing() -> None:
    model = scaled(OneVsRestClassifier(DecisionTreeClassifier(max_depth=4, random_state=0)))
    model.fit(customers(), plans(customers()))
    asked = customers(rows=2000, seed=3)
    rows = parity.to_rows(asked[model.predict_proba(asked).sum(axis=1) == 0.0], COLUMNS)

    assert len(rows) > 0
    assert additivity(compile_model(model, COLUMNS), rows) < 1e-12


def test_a_stack_whose_last_is_no_line_says_why_it_has_no_contributions() -> None:
    model = CLASSIFIERS["stack under a forest"][0].fit(customers(), leavers(customers()))

    compiled = compile_model(model, COLUMNS, parity.to_rows(customers(), COLUMNS))

    assert (compiled.explain, compiled.unexplained) == (None, "the final estimator of a stack is not linear")


def test_a_stack_with_a_line_reads_its_features_where_they_are_passed_on() -> None:
    model = make_pipeline(
        ColumnTransformer([("numbers", make_pipeline(StandardScaler()), ["Age", "Balance"])]),
        stack(lines(), passthrough=True),
    ).fit(customers(), leavers(customers()))
    rows = parity.to_rows(customers(), COLUMNS)

    compiled = compile_model(model, COLUMNS, rows)

    added = np.abs(GraphModel(compiled.graph, compiled.explain).contributions(rows)).max(axis=(0, 1))
    used = {column.name for column, most in zip(COLUMNS, added, strict=True) if most > 0}
    assert used == {"Age", "Balance"} and used < {*NUMBERS, "Products"}
