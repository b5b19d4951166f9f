"""What scikit-learn raises while it fits or predicts is told with the column, the row and the step."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer, OneHotEncoder

from tests.training import small
from tests.training.customers import NUMBERS, columns_of, customers, leavers
from towpath.core.errors import UsageError
from towpath.training import parity
from towpath.training.complaints import told
from towpath.training.split import split_rows

WHOLE = pd.DataFrame({"a": [1.0, 2.0, 3.0, 4.0], "b": [4.0, 1.0, np.nan, 2.0], "c": list("xyxy")})
TRUTH = [0, 1, 0, 1]


def model() -> object:
    steps = (("passthrough", ["a"]), (SimpleImputer(), ["b"]), (OneHotEncoder(), ["c"]))
    return make_pipeline(make_column_transformer(*steps), LogisticRegression()).fit(WHOLE, TRUTH)


def refusal_of(given: pd.DataFrame) -> UsageError:
    fitted = model()
    with (
        pytest.raises(UsageError) as refusal,
        told("late", fitted, "predicting the test rows", given, lambda some: parity.predictions(fitted, some)),
    ):
        parity.predictions(fitted, given)
    return refusal.value


def test_a_missing_value_that_nothing_takes_is_told_with_its_column_its_rows_and_an_imputer():
    refusal = refusal_of(WHOLE.assign(a=[1.0, np.nan, 3.0, np.nan]))

    assert (
        "late: predicting the test rows fails, as a step takes no missing value: a in 2 rows, first in row 1 ("
        in str(refusal)
    )
    assert "logisticregression (LogisticRegression) says: Input X contains NaN" in str(refusal)
    assert 'columns.encode(numbers="impute")' in refusal.hint


def test_an_unknown_category_names_the_step_and_says_what_it_says():
    refusal = refusal_of(WHOLE.assign(c=list("xyzz")))

    assert "onehotencoder (OneHotEncoder) says: Found unknown categories ['z']" in str(refusal)
    assert "handle_unknown" in refusal.hint


def test_an_infinite_number_is_told_as_such():
    refusal = refusal_of(WHOLE.assign(a=[1.0, np.inf, 3.0, 4.0]))

    assert "says: Input X contains infinity" in str(refusal)
    assert "Meta(ge=..., le=...)" in refusal.hint


def test_threshold_rows_tell_what_a_step_before_the_trees_cannot_take():
    frame = customers()[NUMBERS].fillna({"Tenure": 0.0})
    fitted = make_pipeline(Normalizer(), HistGradientBoostingClassifier(max_iter=3)).fit(frame, leavers(customers()))
    gap = frame.assign(Tenure=frame["Tenure"].mask(frame.index == 5))

    with pytest.raises(UsageError, match=r"takes no missing value: Tenure is missing in 1 row, row 5 \(normalizer"):
        parity.threshold_rows(fitted, columns_of(frame), gap, most=10, seed=0)


@pytest.mark.parametrize("threshold", ['best_for("f1")', "0.5"])
def test_training_tells_which_test_rows_miss_what_no_training_row_misses(tmp_path: Path, threshold: str):
    frame = small.loans()
    frame["months"] = frame["months"].fillna(12)
    declared = small.make_project(tmp_path / "declared").service("loans")
    test = np.sort(split_rows(declared.split, frame["late"].to_numpy())[1])
    frame.loc[test[[3, 5]], "months"] = pd.NA
    project = small.make_project(tmp_path / "gaps", frame=frame)
    small.edit(project, 'numbers="impute"', 'numbers="as-is"')
    small.edit(project, 'threshold=best_for("f1")', f"threshold={threshold}")

    with pytest.raises(UsageError, match=f"loans: predicting the test rows .*months in 2 rows, first in row {test[3]}"):
        small.trained(project)


def test_training_tells_what_fitting_cannot_take(tmp_path: Path):
    project = small.make_project(tmp_path)
    small.edit(project, 'numbers="impute"', 'numbers="as-is"')

    with pytest.raises(UsageError, match=r"loans: fitting .*months in \d+ rows, .*logisticregression"):
        small.trained(project)
