"""What a change of the contract means for a client, and the version step it asks for."""

import msgspec
import pytest

from towpath.core import answer as item
from towpath.core.answer import Answer
from towpath.core.contract import Contract, Field, Task
from towpath.core.contract_diff import contract_diff, smallest_step
from towpath.core.style import Batch, Health, Message, Style

AGE = Field("age", "integer", ge=18, le=100)
CITY = Field("city", "string", choices=("Paris", "Rome"))
NOTE = Field("note", "string", nullable=True, default=None)
CONTRACT = Contract(
    "churn",
    (AGE, CITY, NOTE),
    Task("binary", "left", ("stays", "leaves")),
    (Answer("p", item.Probability("leaves")), Answer("decision", item.Decide("leaves"))),
    Style("flask", messages=(("age", "missing", "age is missing"),), home=Message("hello")),
)


def changed(**parts) -> tuple[str, list[str]]:
    found = contract_diff(CONTRACT, msgspec.structs.replace(CONTRACT, **parts))
    return smallest_step(found), [f"{change.kind} {change.path}" for change in found]


def with_field(field: Field, **how) -> dict:
    fields = tuple(msgspec.structs.replace(one, **how) if one is field else one for one in CONTRACT.record)
    return {"record": fields}


def style(**how) -> dict:
    return {"style": msgspec.structs.replace(CONTRACT.style, **how)}


@pytest.mark.scenario("S009")
@pytest.mark.parametrize(
    ("change", "step"),
    [
        (style(messages=(("age", "missing", "please send age"),)), "patch"),
        ({"answer": (*CONTRACT.answer, Answer("margin", item.Margin("leaves")))}, "minor"),
        ({"answer": CONTRACT.answer[:1]}, "major"),
        ({}, "patch"),
    ],
    ids=["other words in an error", "one more entry in the answer", "one less", "nothing"],
)
def test_the_step_is_that_of_the_runbook(change: dict, step: str):
    assert changed(**change)[0] == step


@pytest.mark.parametrize(
    "change",
    [
        {"record": (*CONTRACT.record, Field("income", "number"))},
        with_field(AGE, ge=21),
        with_field(AGE, ge=None, gt=18),
        with_field(AGE, type="boolean"),
        with_field(AGE, le=None, lt=100),
        with_field(CITY, choices=("Paris",)),
        with_field(NOTE, default=msgspec.UNSET),
        with_field(NOTE, nullable=False),
        with_field(NOTE, pattern="[a-z]+"),
        with_field(NOTE, max_length=10),
        {"strict": True},
        {"task": Task("binary", "left", ("stays", "goes"))},
        {"answer": (Answer("p", item.Margin("leaves")), CONTRACT.answer[1])},
        {"answer": (CONTRACT.answer[0], Answer("decision", item.Decide("leaves", "int")))},
        style(errors="fastapi"),
        style(home=None),
        style(health=Health(("model_loaded",))),
        style(batch=Batch(max=10)),
        style(batch=Batch(field="rows")),
    ],
    ids=str,
)
def test_what_may_refuse_a_request_or_change_a_reply_breaks(change: dict):
    assert changed(**change)[0] == "major"


@pytest.mark.parametrize(
    "change",
    [
        {"record": (*CONTRACT.record, Field("income", "number", default=None, nullable=True))},
        {"record": CONTRACT.record[:2]},
        with_field(AGE, le=120),
        with_field(AGE, type="number"),
        with_field(AGE, nullable=True),
        with_field(AGE, default=30),
        with_field(CITY, choices=("Paris", "Rome", "Oslo")),
        with_field(CITY, choices=()),
        {"answer": (Answer("p", item.Probability("leaves", round=2)), CONTRACT.answer[1])},
        style(health=Health(("status", "version"))),
        style(batch=Batch(max=5000)),
        style(numeric_strings=True),
    ],
    ids=str,
)
def test_what_only_lets_more_through_or_says_more_adds(change: dict):
    assert changed(**change)[0] == "minor"


def test_several_changes_are_all_told_those_that_break_first():
    step, told = changed(
        **with_field(AGE, ge=21), title="Churn", answer=(*CONTRACT.answer, Answer("n", item.Release()))
    )

    assert step == "major"
    assert told == ["breaking record.age", "additive answer.n", "none title"]


def test_a_narrower_range_says_both_ends():
    (change,) = contract_diff(CONTRACT, msgspec.structs.replace(CONTRACT, **with_field(AGE, le=90)))

    assert str(change) == "breaking: record.age is narrower: up to 100 before, 90 now"
