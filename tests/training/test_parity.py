"""The parity gate passes what is proved and names what is not."""

import numpy as np
import onnx
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression
from sklearn.tree import DecisionTreeRegressor

from tests.training.customers import COLUMNS, columns_of, customers, leavers, plans, spending
from towpath.core.errors import VerificationRefused
from towpath.core.plan import Column
from towpath.engine.graph import GraphModel
from towpath.training import parity
from towpath.training.compile.model import compile_model

EXPECTED = np.array([[0.2], [0.5], [0.9]])
AGE = (Column("Age", "Age"),)


def test_equal_scores_are_proved() -> None:
    found = parity.prove(EXPECTED, EXPECTED.copy(), thresholds=[0.5])

    found.require()
    assert (found.rows, found.worst, found.broken, found.flips) == (3, 0.0, 0, 0)


def test_a_difference_beyond_tolerance_is_refused_with_its_row_and_scores() -> None:
    found = parity.prove(EXPECTED, EXPECTED + np.array([[0.0], [0.0], [1e-6]]))

    with pytest.raises(VerificationRefused, match=r"1 of 3 rows .* row 2: scikit-learn \[0\.9\], engine \[0\.900001"):
        found.require()


def test_large_values_are_compared_in_proportion() -> None:
    assert parity.prove(np.array([[1e6]]), np.array([[1e6 + 1e-4]])).broken == 0


def test_a_decision_that_differs_is_refused_even_within_a_generous_tolerance() -> None:
    found = parity.prove(np.array([[2.0]]), np.array([[1.7]]), tolerance=0.2, thresholds=[1.79])

    assert (found.broken, found.flips) == (0, 1)
    with pytest.raises(VerificationRefused, match="1 decisions"):
        found.require()


def test_a_score_as_near_to_the_threshold_as_the_tolerance_may_fall_on_either_side() -> None:
    assert parity.prove(np.array([[0.5]]), np.array([[0.5 - 1e-12]]), thresholds=[0.5]).flips == 0


def test_of_several_classes_another_winner_is_a_flip_unless_they_are_level() -> None:
    expected = np.array([[0.4, 0.35, 0.25], [0.4, 0.4, 0.2]])
    actual = np.array([[0.35, 0.4, 0.25], [0.4 - 1e-12, 0.4, 0.2]])

    assert parity.prove(expected, actual).flips == 1


@pytest.mark.parametrize("odd", [np.nan, np.inf])
def test_a_score_that_is_no_finite_number_is_refused(odd: float) -> None:
    found = parity.prove(EXPECTED, np.array([[0.2], [odd], [0.9]]))

    assert (found.broken, found.worst, found.differences[0].row) == (1, np.inf, 1)


def test_no_row_proves_nothing() -> None:
    with pytest.raises(VerificationRefused, match="no row was compared"):
        parity.prove(np.empty((0, 1)), np.empty((0, 1))).require()


def test_scores_of_different_shapes_are_refused() -> None:
    with pytest.raises(VerificationRefused, match=r"\(3, 1\), the engine \(3, 2\)"):
        parity.prove(EXPECTED, np.ones((3, 2)))


def test_scores_have_one_column_for_two_classes_and_for_values() -> None:
    ages = customers()[["Age"]]
    two = RandomForestClassifier(3).fit(ages, leavers(customers()))
    three = RandomForestClassifier(3).fit(ages, plans(customers()))
    line = LinearRegression().fit(ages, spending(customers()))

    assert [parity.predictions(model, ages).shape[1] for model in (two, three, line)] == [1, 3, 1]
    assert np.array_equal(parity.predictions(two, ages)[:, 0], two.predict_proba(ages)[:, 1])


def test_a_threshold_is_the_last_number_that_goes_the_lower_way() -> None:
    frame = pd.DataFrame({"Age": [20.0, 30.0, 40.0, 50.0]})
    tree = DecisionTreeRegressor(max_depth=1).fit(frame, [0.0, 0.0, 1.0, 1.0])

    ((name, limit),) = parity.thresholds(tree, AGE)

    around = pd.DataFrame({"Age": [limit, np.nextafter(limit, np.inf)]})
    assert (name, tree.predict(around).tolist()) == ("Age", [0.0, 1.0])
    assert limit > 35.0  # scikit-learn rounds to float32 first, so numbers a little above 35 still go its way


def test_threshold_rows_sit_on_a_split_and_just_above_it_and_come_to_it() -> None:
    frame = pd.DataFrame({"Age": [20.0, 30.0, 40.0, 50.0], "Balance": [0.0, 1.0, 0.0, 1.0]})
    tree = DecisionTreeRegressor(max_depth=2).fit(frame, [0.0, 0.0, 5.0, 9.0])
    columns = (*AGE, Column("Balance", "Balance"))

    rows = parity.threshold_rows(tree, columns, frame, most=100, seed=0)

    below, above = rows["Balance"].iloc[2:]
    assert len(rows) == 4
    assert above == np.nextafter(below, np.inf)
    assert tree.predict(rows).tolist() == [0.0, 5.0 if rows["Balance"].iloc[1] < 0.5 else 9.0, 5.0, 9.0]


@pytest.mark.parametrize("split", range(0, 60, 3))
def test_a_limit_that_is_off_by_one_bit_is_found(split: int) -> None:
    frame = customers()[["Age", "Tenure", "Balance"]]
    columns = columns_of(frame)
    forest = RandomForestClassifier(4, max_depth=6, random_state=0).fit(frame, leavers(customers()))
    asked = parity.threshold_rows(forest, columns, frame, most=10_000, seed=0)
    wrong = moved_by_one_bit(compile_model(forest, columns).graph, split)

    found = parity.prove(parity.predictions(forest, asked), GraphModel(wrong).raw(parity.to_rows(asked, columns)))

    assert found.broken > 0


def moved_by_one_bit(graph: bytes, split: int) -> bytes:
    """The model with the next float above as the limit of one split."""
    model = onnx.load_from_string(graph)
    limits = next(attribute.t for attribute in model.graph.node[0].attribute if attribute.name == "nodes_splits")
    values = onnx.numpy_helper.to_array(limits).copy()
    values[split] = np.nextafter(values[split], np.inf)
    limits.CopyFrom(onnx.numpy_helper.from_array(values))
    return bytes(model.SerializeToString())


def test_the_seed_draws_the_same_threshold_rows_again() -> None:
    frame = customers()[["Age", "Balance"]]
    tree = DecisionTreeRegressor(max_depth=8, random_state=0).fit(frame, spending(customers()))

    drawn = [parity.threshold_rows(tree, columns_of(frame), frame, most=30, seed=seed) for seed in (1, 1, 2)]

    assert len(drawn[0]) == 30
    assert drawn[0].equals(drawn[1])
    assert not drawn[0].equals(drawn[2])


def test_a_model_without_trees_has_no_threshold_rows() -> None:
    frame = customers()[["Age"]]
    line = LinearRegression().fit(frame, spending(customers()))

    assert len(parity.threshold_rows(line, AGE, frame, most=30, seed=0)) == 0


def test_frames_are_coded_as_the_encoder_codes_records() -> None:
    frame = pd.DataFrame(
        {
            "Gender": ["Male", None],
            "Country": ["Spain", "Atlantis"],
            "Products": [4, 1],
            "Age": [40, 41],
            "Tenure": [np.nan, 3.0],
            "Balance": [0.5, 7.0],
        }
    )

    coded = parity.to_rows(frame, COLUMNS)

    assert np.array_equal(coded, [[40, 2, np.nan, 1, 0.5, 3], [41, -1, 3, np.nan, 7, 0]], equal_nan=True)


def hint_of(found: parity.Parity) -> str:
    with pytest.raises(VerificationRefused) as refusal:
        found.require()
    return refusal.value.hint


def test_a_difference_of_rounding_is_told_apart_from_a_model_that_is_another() -> None:
    rounded = hint_of(parity.prove(EXPECTED, EXPECTED + 1e-8))
    another = hint_of(parity.prove(EXPECTED, EXPECTED + 1e-3))

    assert "rounding beyond the tolerance" in rounded
    assert "scale the numbers first" in rounded
    assert another == "the compiled model is not the fitted one; report these rows"


def test_where_nothing_was_compared_nothing_is_called_rounding() -> None:
    assert "rounding" not in hint_of(parity.prove(np.empty((0, 1)), np.empty((0, 1))))


def test_where_scikit_learn_overflows_itself_it_is_told() -> None:
    found = parity.prove(np.array([[np.inf], [1.0]]), np.array([[np.inf], [1.0]]))

    assert "numbers around 1e308 overflow" in hint_of(found)
