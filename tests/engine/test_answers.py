"""Each word of the answer vocabulary gives what it says, and its JSON Schema allows it."""

from typing import Any

import jsonschema
import numpy as np
import pytest

from towpath.core import answer as item
from towpath.core.answer import Answer, answer_schema
from towpath.core.contract import Contract, Field, Task
from towpath.core.errors import VerificationRefused
from towpath.core.plan import PredictionInterval
from towpath.core.settings import Settings
from towpath.core.style import Style
from towpath.engine.answers import Answerer, Said, Seen
from towpath.engine.contributions import Contribution, TermParts, logistic, spread

TWO = Task("binary", "Exited", ("stay", "churn"))
THREE = Task("multiclass", "species", ("setosa", "versicolor", "virginica"))
NUMBER = Task("regression", "price")
SAID = Said("bankchurn@1.2.0", "2026-11-21T10:57:22Z", "r-1")


RANGES = (PredictionInterval(0.9, "ratio", 0.75, 1.5), PredictionInterval(0.5, "value", -10.0, 20.0))


def answer(
    what: item.Item,
    scores: list[float],
    task: Task = TWO,
    settings: Settings | None = None,
    known: bool = True,
    contributions: Contribution | None = None,
) -> Any:
    contract = Contract("s", (Field("x", "number"),), task, (Answer("a", what),), Style())
    answerer = Answerer(contract, settings or Settings(0.4), "logistic", RANGES)
    parts = TermParts([contributions]) if contributions else None
    given = answerer.answers(Seen(np.array([scores]), [known], parts), SAID)[0]["a"]
    jsonschema.validate(given, answer_schema(what, task.classes))
    return given


@pytest.mark.parametrize(
    ("what", "scores", "given"),
    [
        (item.ClassIndex(), [0.41], 1),
        (item.ClassIndex(), [0.39], 0),
        (item.ClassName(), [0.4], "churn"),
        (item.Probability("churn"), [0.25], 0.25),
        (item.Probability("stay"), [0.25], 0.75),
        (item.Probability("churn", 1), [0.26], 0.3),
        (item.Probabilities(), [0.25], [0.75, 0.25]),
        (item.Probabilities("dict"), [0.25], {"stay": 0.75, "churn": 0.25}),
        (item.Top(), [0.25], 0.75),
        (item.Margin("churn"), [0.25], 0.5),
        (item.Decide("churn"), [0.4], True),
        (item.Decide("churn", "int"), [0.39], 0),
        (item.Decide("churn", "names", ("keeps", "leaves")), [0.9], "leaves"),
        (item.Decide("stay"), [0.39], True),
        (item.Decide("stay"), [0.4], False),  # the threshold: decided for churn, so not for stay as well
        (item.Constant("EUR"), [0.1], "EUR"),
        (item.Release(), [0.1], "bankchurn@1.2.0"),
        (item.Timestamp(), [0.1], "2026-11-21T10:57:22Z"),
        (item.RequestId(), [0.1], "r-1"),
    ],
)
def test_an_answer_about_two_classes(what: item.Item, scores: list[float], given: Any):
    assert answer(what, scores) == given


@pytest.mark.parametrize(
    ("what", "given"),
    [
        (item.ClassIndex(), 2),
        (item.ClassName(), "virginica"),
        (item.Probability("versicolor"), 0.3),
        (item.Probabilities(), [0.1, 0.3, 0.6]),
        (item.Top(), 0.6),
    ],
)
def test_an_answer_about_three_classes(what: item.Item, given: Any):
    assert answer(what, [0.1, 0.3, 0.6], THREE) == given


def test_an_answer_about_a_value():
    assert answer(item.Value(2), [1234.567], NUMBER) == 1234.57


@pytest.mark.feature("F147")
@pytest.mark.parametrize(
    ("p", "name"), [(0.0, "LOW"), (0.2999, "LOW"), (0.3, "MEDIUM"), (0.6999, "MEDIUM"), (0.7, "HIGH"), (1.0, "HIGH")]
)
def test_a_band_holds_its_lower_edge_and_not_its_upper(p: float, name: str):
    assert answer(item.Band("churn", (("LOW", 0.3), ("MEDIUM", 0.7), ("HIGH", 1.0))), [p]) == name


@pytest.mark.feature("F155")
def test_threshold_and_bands_can_be_overridden_in_the_settings():
    edges = (("LOW", 0.5), ("HIGH", 1.0))

    assert answer(item.Decide("churn"), [0.4], settings=Settings(0.3)) is True
    assert answer(item.Decide("churn"), [0.4], settings=Settings(0.5)) is False
    assert (
        answer(item.Band("churn", (("LOW", 0.3), ("HIGH", 1.0))), [0.4], settings=Settings(0.4, {"a": edges})) == "LOW"
    )


def test_a_text_the_model_knows_nothing_of_is_answered_as_declared():
    assert answer(item.ClassName("neutral"), [0.45], known=False) == "neutral"
    assert answer(item.Top(unknown=0.5), [0.45], known=False) == 0.5
    assert answer(item.ClassName("neutral"), [0.45], known=True) == "churn"


PARTS = Contribution((-1.0,), ({"Age": 2.0, "Balance": -0.5, "Tenure": 0.1},))


@pytest.mark.feature("F148")
def test_contributions_in_score_space_are_the_parts():
    assert answer(item.Contributions(), [logistic(0.6)], contributions=PARTS) == PARTS.parts[0]


def test_contributions_in_probability_space_add_up_to_the_distance_from_the_base():
    given = answer(item.Contributions("probability"), [logistic(0.6)], contributions=PARTS)

    assert sum(given.values()) == pytest.approx(logistic(0.6) - logistic(PARTS.base[0]), abs=1e-15)


def test_only_the_largest_contributions_may_be_asked_for():
    assert answer(item.Contributions(top=2), [0.5], contributions=PARTS) == {"Age": 2.0, "Balance": -0.5}


def test_contributions_without_effect_stay_finite():
    nothing = Contribution((0.3,), ({"Age": 1e-15},))

    assert spread(nothing, 0, "logistic", "probability")["Age"] == pytest.approx(0.0, abs=1e-15)


def test_the_logistic_function_does_not_overflow():
    assert (logistic(-800.0), logistic(0.0), logistic(800.0)) == (0.0, 0.5, 1.0)


@pytest.mark.parametrize(
    ("what", "given"),
    [
        (item.Interval(), {"low": 75.0, "high": 150.0}),
        (item.Interval(0.5), {"low": 90.0, "high": 120.0}),
    ],
)
def test_an_interval_lies_around_the_value(what: item.Item, given: dict[str, float]):
    assert answer(what, [100.0], NUMBER) == given


def test_an_interval_is_rounded_at_both_ends():
    assert answer(item.Interval(round=1), [1.23], NUMBER) == {"low": 0.9, "high": 1.8}


def test_a_plan_without_the_level_that_an_answer_asks_for_is_refused():
    with pytest.raises(VerificationRefused, match=r"the plan has no interval of level 0\.8"):
        answer(item.Interval(0.8), [100.0], NUMBER)
