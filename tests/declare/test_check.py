"""All faults of a declaration at once, each with its path and a mend."""

from pathlib import Path
from typing import Any, Literal

import pytest

from towpath.core.errors import Faulty, InfrastructureError, UsageError
from towpath.declare import (
    Batch,
    Private,
    Record,
    Service,
    Style,
    at_least,
    auc,
    band,
    best_for,
    binary,
    by,
    contributions,
    count,
    csv,
    decide,
    f1,
    fair,
    interval,
    lift_at,
    multiclass,
    probability,
    recall,
    regression,
    rmse,
    slices,
    stratified,
    value,
    value_of,
)  # fmt: skip
from towpath.declare.check import check_service, faults_of
from towpath.declare.load import load_service

SHA = "0" * 64


class Customer(Record):
    Age: int


def declaration(**changes: Any) -> Service:
    """A sound declaration with some parts changed."""
    parts: dict[str, Any] = {
        "name": "churn",
        "record": Customer,
        "target": binary("Exited", positive="churn"),
        "data": csv("churn.csv", sha256=SHA),
        "answer": {"p": probability("churn")},
        "metrics": [auc()],
    }
    service = Service(**(parts | changes))
    service.build(lambda columns: None)
    return service


def only_fault(**changes: Any) -> tuple[str, str]:
    [fault] = faults_of(declaration(**changes))
    return fault


def test_a_sound_declaration_has_no_faults():
    check_service(
        declaration(threshold=best_for("f1"), gates=[at_least("auc", 0.8), slices("Age", "recall", max_gap=0.1)])
    )

    assert list(faults_of(declaration())) == []


@pytest.mark.parametrize("name", ["Churn", "1churn", "bank churn", "", "a" * 40, "bank_churn"])
def test_a_service_has_a_plain_name(name: str):
    assert only_fault(name=name)[0] == "name"


def test_a_service_is_not_named_like_a_route():
    assert only_fault(name="health") == ("name", "'health' is the name of a route; choose another")


def test_the_target_is_not_in_the_record():
    assert only_fault(target=binary("Age", positive="churn"))[0] == "record.Age"


@pytest.mark.parametrize(
    ("changes", "path", "says"),
    [
        ({"answer": {}}, "answer", "is empty"),
        ({"answer": {"p": probability("leave")}}, "answer.p", "the classes are not churn, churn"),
        ({"answer": {"v": value()}}, "answer.v", "the target has classes"),
        ({"answer": {"b": band("churn", {"LOW": 0.7, "HIGH": 0.3})}}, "answer.b", "must rise and end at 1.0"),
        ({"metrics": []}, "metrics", "is empty"),
        ({"metrics": [rmse()]}, "metrics.rmse", "does not measure a binary target"),
        ({"metrics": [f1("leave")]}, "metrics.f1", "is not a class"),
        ({"gates": [at_least("f1", 0.6)]}, "gates[0]", "add it to metrics"),
        ({"gates": [slices("Gender", "recall", max_gap=0.1)]}, "gates[0]", "not a field of the record"),
        ({"gates": [at_least("auc", 7.5)]}, "gates[0]", "lies between 0 and 1"),
        ({"metrics": [f1("churn"), f1("not churn")]}, "metrics.f1", "measured twice"),
        ({"answer": {"c": contributions("value")}}, "answer.c", 'use "score" or "probability"'),
        ({"answer": {"i": interval()}}, "answer.i", "the target has classes"),
        ({"threshold": best_for("auc")}, "threshold", "does not depend on it"),
        ({"threshold": 1.5}, "threshold", "between 0 and 1"),
        ({"split": stratified(test=20)}, "split.test", "a share between 0 and 1"),
        ({"data": csv("churn.csv", sha256="todo")}, "data.churn.csv", "sha256sum churn.csv"),
        ({"style": Style("flask", messages={("text", "missing"): "?"})}, "style.messages.text", "it has Age"),
        ({"style": Style(batch=Batch("rows", max=0))}, "style.batch.max", "1 to 100000"),
        ({"style": Style(batch=Batch("rows", reply={"n": count()}))}, "style.batch.reply", "has no answers()"),
    ],
)
def test_each_fault_has_its_path_and_a_mend(changes: dict[str, Any], path: str, says: str):
    found, reason = only_fault(**changes)

    assert found == path
    assert says in reason


def test_answers_fit_the_kind_of_target():
    of_three = {"target": multiclass("species", classes=("a", "b", "c")), "metrics": [f1("a")]}

    assert "of several use class_name()" in only_fault(**of_three, answer={"d": decide("a")})[1]
    assert (
        "this is a regression"
        in only_fault(target=regression("price"), metrics=[rmse()], answer={"p": probability("churn")})[1]
    )


@pytest.mark.parametrize("level", [0, 1, 90])
def test_an_interval_holds_a_share_of_the_values(level: float):
    prices = {"target": regression("price"), "metrics": [rmse()], "answer": {"range": interval(level)}}

    assert only_fault(**prices)[1] == f"has level {level}; a share between 0 and 1 is meant, such as 0.9"


def test_labels_stand_for_all_classes():
    target = multiclass("species", classes=("a", "b"), labels=(0, 1, 2))

    assert only_fault(target=target, metrics=[f1("a")], answer={"p": probability("a")})[0] == "target.labels"


def test_all_faults_come_at_once():
    with pytest.raises(Faulty) as refused:
        check_service(declaration(name="Churn", answer={}, metrics=[], threshold=0.0))

    assert [path for path, _ in refused.value.faults] == ["name", "answer", "metrics", "threshold"]
    assert str(refused.value).startswith("the declaration of 'Churn' has 4 faults:")


def test_a_service_without_build_is_told_how_to_write_one():
    service = declaration()
    service.builder = None

    assert "@service.build" in dict(faults_of(service))["build"]


def test_a_folder_without_a_declaration_names_the_command_that_makes_one(tmp_path: Path):
    with pytest.raises(InfrastructureError, match=r"there is no service\.py") as missing:
        load_service(tmp_path)

    assert missing.value.hint == f"towpath new {tmp_path.name} makes one"


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("service = 3", "declares no service"),
        ("x = 1\nfrom nowhere import y", "line 2: ModuleNotFoundError: No module named 'nowhere'"),
        ("x = 1\n\ndef (", "line 3: invalid syntax"),
    ],
)
def test_a_file_that_does_not_run_is_told_with_its_line(tmp_path: Path, source: str, says: str):
    (tmp_path / "service.py").write_text(source)

    with pytest.raises(UsageError, match=says):
        load_service(tmp_path)


def test_a_changed_file_is_read_anew(tmp_path: Path):
    text = (Path(__file__).parents[2] / "examples/portfolio/services/iris/service.py").read_text()
    (tmp_path / "service.py").write_text(text)
    before = load_service(tmp_path).title
    (tmp_path / "service.py").write_text(text.replace("Iris Classification API", "Irises"))

    assert (before, load_service(tmp_path).title) == ("Iris Classification API", "Irises")


WORTH = value_of(tp=690, fp=-20, fn=0, tn=0, unit="USD")


def test_two_metrics_of_one_name_want_names_of_their_own():
    both = [recall("churn"), recall("not churn")]

    assert "is measured twice" in only_fault(metrics=both)[1]
    assert list(faults_of(declaration(metrics=[both[0], recall("not churn", name="recall_of_stays")]))) == []


def test_a_share_of_rows_lies_between_none_and_all():
    assert only_fault(metrics=[lift_at(10)]) == (
        "metrics.lift_at_10",
        "looks at a share of 10 of the rows; one between 0 and 1 is meant, such as 0.1",
    )


def test_what_decisions_are_worth_must_be_said_before_a_threshold_is_chosen_for_it():
    assert list(faults_of(declaration(metrics=[auc(), WORTH], threshold=best_for("value")))) == []
    assert only_fault(threshold=best_for("value"))[1].startswith("value does not depend on it")


def test_fairness_is_about_a_field_that_is_there_and_bounds_something():
    assert only_fault(fairness=["Colour"])[0] == "fairness.Colour"
    assert "bounds nothing" in only_fault(gates=[fair("Age", min_impact=None)])[1]
    assert "lie between 0 and 1" in only_fault(gates=[fair("Age", min_impact=80)])[1]


class Named(Record):
    Surname: str
    Town: Private[str]
    Gender: Literal["F", "M"]


@pytest.mark.parametrize("name", ["Surname", "Town"])
def test_free_text_makes_no_groups_to_be_fair_to(name: str):
    for declared in ({"fairness": [name]}, {"gates": [fair(name)]}):
        path, reason = only_fault(record=Named, **declared)
        assert path.endswith(name)
        assert reason.startswith("is free text, which makes no groups; list its values: Literal[")
    assert list(faults_of(declaration(record=Named, fairness=["Gender"], gates=[fair("Gender")]))) == []


def test_fairness_is_about_a_decision():
    fault = only_fault(target=regression("price"), answer={"v": value()}, metrics=[rmse()], fairness=["Age"])

    assert fault == ("fairness", "is about a decision for or against; a regression target has none")


def test_a_backtest_is_ordered_by_a_number_that_is_there():
    assert list(faults_of(declaration(backtest=by("Age", last=0.3)))) == []
    assert only_fault(backtest=by("Country"))[1] == "is not a field of numbers, so it orders nothing in time"
    assert only_fault(backtest=by("Age", last=3))[0] == "backtest.last"
