"""The quality rules: each has a number and a name, errors stop a training, warnings are kept with what was trained."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.data.months import Customer, home, month, service, sha256_of, written
from towpath.core.errors import Faulty
from towpath.core.quality import RULES, DataQuality
from towpath.data.check import check_table, examine
from towpath.data.table import read_quality, read_rows
from towpath.declare import (
    Meta,
    Service,
    at_least_rows,
    between,
    csv,
    minority_share,
    no_duplicates,
    r2,
    regression,
    share_missing,
    slices,
    unique,
    value,
)  # fmt: skip


def quality(frame: pd.DataFrame, **parts: Any) -> DataQuality:
    return examine(service(**parts), frame)


def said(found: DataQuality) -> list[tuple[str, str, str]]:
    """Every rule that does not hold: its number, whether that is an error, and the column."""
    return [(one.rule, one.verdict, one.column) for one in found.results if one.verdict != "pass"]


@pytest.fixture
def read(tmp_path: Path) -> Any:
    """What training says to a file of this content."""

    def of(content: bytes) -> Any:
        (tmp_path / "churn.csv").write_bytes(content)
        kept = home(tmp_path)
        declared = service(kept.store.put_file(tmp_path / "churn.csv"))
        return read_rows(declared, kept.store, [], seed=1)

    return of


def test_good_data_passes_every_rule_that_holds_everywhere():
    found = quality(month())

    assert {one.verdict for one in found.results} == {"pass"}
    assert [one.rule for one in found.results] == [rule for rule in RULES if rule not in ("Q09", "Q16", "Q17", "Q18")]
    assert found.rows == 120


# --- the eight cases of a data-quality gate

REFUSED = {
    "no row": (b"CustomerId,Age,Balance,Exited\n", "Q01 present"),
    "a missing column": (month().drop(columns="Age"), "Q02 columns"),
    "a null target": (month(Exited=[None, *month()["Exited"][1:]]), "Q03 target present"),
    "a target that is not binary": (month(Exited=[2, *month()["Exited"][1:]]), "Q04 target labels"),
    "99 rows": (month(99), "Q05 rows"),
    "age 130": (month(Age=[130, *month()["Age"][1:]]), "Q08 range"),
}


@pytest.mark.feature("F255")
@pytest.mark.scenario("S071")
@pytest.mark.parametrize("case", REFUSED)
def test_bad_data_is_refused_by_the_number_and_name_of_the_rule(read: Any, case: str):
    given, rule = REFUSED[case]

    with pytest.raises(Faulty) as refused:
        read(given if isinstance(given, bytes) else given.to_csv(index=False).encode())
    assert any(f"({rule})" in reason for _, reason in refused.value.faults)


@pytest.mark.scenario("S071")
def test_an_empty_file_is_refused_by_the_first_rule_alone(read: Any):
    with pytest.raises(Faulty) as refused:
        read(b" \n")

    assert refused.value.faults == [("churn.csv", "is empty (Q01 present)")]


@pytest.mark.scenario("S071")
def test_a_rare_class_and_repeated_rows_are_warned_of_and_the_rows_are_read(read: Any):
    rare = month(400, Exited=[int(i < 16) for i in range(400)])
    rows = read(pd.concat([rare, rare.iloc[[100]]]).to_csv(index=False).encode())

    assert said(rows.quality) == [("Q06", "warn", "Exited"), ("Q07", "warn", "")]
    assert [str(one) for one in rows.quality.warnings] == [
        "Q06 minority: Exited: churn has 4.0% of the rows, less than 5%",
        "Q07 duplicates: 1 row repeats an earlier one in features and target, the first is row 400",
    ]
    assert len(rows) == 401


def test_all_faults_come_at_once_by_the_number_of_their_rules():
    bad = month(Age=[130, *month()["Age"][1:]], Exited=[None, 5, *month()["Exited"][2:]]).drop(columns="Balance")

    with pytest.raises(Faulty) as refused:
        check_table(service(), bad)
    assert refused.value.faults == [
        ("Balance", "is not a column of the data, which has CustomerId, Age, Exited (Q02 columns)"),
        ("Exited", "has no target in 1 row, the first is row 0; drop them (Q03 target present)"),
        ("Exited", "is none of the labels 0, 1 in 1 row, the first is row 1: 5.0 (Q04 target labels)"),
        ("Age", "breaks le=100 in 1 row, the first is row 0: 130 (Q08 range)"),
    ]


@pytest.mark.parametrize("case", [str, str.upper, str.title])
def test_labels_that_the_data_does_not_hold_are_told_with_those_that_it_holds(case: Any):
    named = month(Exited=[case("positive" if i % 4 == 0 else "negative") for i in range(120)])

    with pytest.raises(Faulty) as refused:
        check_table(service(), named)
    assert [one for one, _ in refused.value.faults] == ["Exited"]
    assert f'labels=("{case("negative")}", "{case("positive")}"), the positive one last' in refused.value.hint
    assert "widen the record" not in refused.value.hint


def test_the_label_that_is_called_as_the_positive_class_comes_last():
    named = month(Exited=["churn" if i % 4 == 0 else "stay" for i in range(120)])

    (failed,) = quality(named).errors
    assert 'labels=("stay", "churn")' in failed.hint


def test_labels_of_more_values_than_classes_are_mended_in_the_data():
    assert quality(month(Exited=[i % 3 for i in range(120)])).mend == "mend the data, or widen the record in service.py"


def test_a_column_without_value_and_one_without_numbers_are_different_rules():
    bad = month().astype({"Age": float, "Balance": object})
    bad.loc[3, "Age"], bad.loc[4, "Age"], bad.loc[5, "Balance"] = np.nan, 40.5, "much"

    assert said(quality(bad)) == [("Q10", "fail", "Age"), ("Q11", "fail", "Age"), ("Q11", "fail", "Balance")]


def test_a_target_that_is_no_number_stops_a_regression():
    priced = Service("price", record=Customer, target=regression("Price"), data=service().data,
                     answer={"p": value()}, metrics=[r2()])  # fmt: skip

    found = examine(priced, month(Price=["a lot", *range(119)]))
    assert said(found) == [("Q04", "fail", "Price")]


def test_a_gate_about_a_column_that_is_not_there_is_told():
    assert said(quality(month(), gates=[slices("Country", "auc", max_gap=0.1)])) == [("Q02", "fail", "Country")]


def test_a_filter_by_a_column_that_is_not_there_is_told_with_the_other_columns(tmp_path: Path):
    kept = home(tmp_path)
    path = written(tmp_path, month().drop(columns="Age"))
    declared = service(data=csv("churn.csv", sha256=kept.store.put_file(path), keep={"Price": Meta(gt=1)}))

    assert said(read_quality(declared, kept.store)) == [("Q02", "fail", "Price"), ("Q02", "fail", "Age")]
    with pytest.raises(Faulty, match=r"but rows are kept by it \(Q02 columns\)"):
        read_rows(declared, kept.store, [], seed=1)


# --- rules of the service's own


def test_a_service_may_ask_for_more_rows_or_for_fewer():
    assert said(quality(month(), rules=[at_least_rows(1000)])) == [("Q05", "fail", "")]
    assert said(quality(month(60), rules=[at_least_rows(50)])) == []


def test_a_range_of_its_own_is_an_error_or_a_warning():
    bad = month(Balance=[1e9, *month()["Balance"][1:]])

    assert said(quality(bad, rules=[between("Balance", 0, 1e6)])) == [("Q09", "fail", "Balance")]
    assert said(quality(bad, rules=[between("Balance", 0, 1e6, severity="warning")])) == [("Q09", "warn", "Balance")]
    assert said(quality(month(), rules=[between("Balance", 0, 1e6)])) == []


def test_ids_that_come_twice_break_a_rule_about_them():
    bad = month(CustomerId=[1, 1, *range(2, 120)])

    (found,) = [one for one in quality(bad, rules=[unique("CustomerId")]).results if one.rule == "Q16"]
    assert (found.verdict, found.rows) == ("fail", 1)
    assert said(quality(bad, rules=[unique("CustomerId", "Age")])) == []


def test_too_many_missing_values_break_a_rule_about_them():
    holes = month(Score=[None] * 30 + [1.0] * 90)

    assert said(quality(holes, rules=[share_missing("Score", at_most=0.2)])) == [("Q17", "fail", "Score")]
    assert said(quality(holes, rules=[share_missing("Score", at_most=0.25)])) == []


def test_what_is_warned_of_can_be_made_an_error():
    twice = pd.concat([month(), month().head(2)])

    assert said(quality(twice, rules=[no_duplicates()])) == [("Q07", "fail", "")]
    assert said(quality(month(), rules=[minority_share(0.3)])) == [("Q06", "fail", "Exited")]


def test_a_row_repeats_another_whatever_its_id_and_context():
    again = month().head(2).assign(CustomerId=[9001, 9002])

    assert said(quality(pd.concat([month(), again]))) == [("Q07", "warn", "")]


def test_a_rule_about_a_column_that_is_not_there_is_an_error_whatever_its_severity():
    assert said(quality(month(), rules=[unique("Passport", severity="warning")])) == [("Q02", "fail", "Passport")]


def test_rules_look_at_the_file_in_the_store(tmp_path: Path):
    path = written(tmp_path, month(99))
    kept = home(tmp_path)
    kept.store.put_file(path)

    assert said(read_quality(service(sha256_of(month(99))), kept.store)) == [("Q05", "fail", "")]
