"""Fitting is the same every time: what draws is seeded, what counts on several cores counts on one."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import TargetEncoder

from tests.training import small
from towpath.training.complaints import NotTaken
from towpath.training.fit import seeded


def test_what_draws_gets_the_seed_and_what_was_seeded_keeps_its_own():
    assert seeded(RandomForestClassifier(), 7).random_state == 7
    assert seeded(RandomForestClassifier(random_state=1), 7).random_state == 1


def test_threads_become_one():
    pipeline = seeded(make_pipeline(RandomForestClassifier(n_jobs=-1)), 7)

    assert pipeline.get_params()["randomforestclassifier__n_jobs"] == 1


def test_a_target_encoder_shuffles_the_same_way_each_time():
    random = np.random.default_rng(3)
    frame = pd.DataFrame({"word": random.choice(list("abcdefgh"), 200)})
    targets = random.integers(0, 2, 200)

    def encoded() -> np.ndarray:
        encoder = make_column_transformer((TargetEncoder(), ["word"]))
        pipeline = seeded(make_pipeline(encoder, LogisticRegression()), 7)
        return pipeline[0].fit_transform(frame, targets)

    assert np.array_equal(encoded(), encoded())


def test_xgboost_counts_on_one_core():
    xgboost = pytest.importorskip("xgboost")

    assert seeded(xgboost.XGBClassifier(), 7).n_jobs == 1


def test_lightgbm_counts_one_way_and_says_nothing():
    lightgbm = pytest.importorskip("lightgbm")
    params: dict[str, Any] = seeded(lightgbm.LGBMClassifier(), 7).get_params()

    assert (params["n_jobs"], params["deterministic"], params["force_row_wise"]) == (1, True, True)
    assert params["verbosity"] == -1


def test_lightgbms_way_of_counting_can_be_chosen():
    lightgbm = pytest.importorskip("lightgbm")
    params = seeded(lightgbm.LGBMClassifier(force_col_wise=True, verbose=1), 7).get_params()

    assert "force_row_wise" not in params and "verbosity" not in params


def test_rows_that_the_estimator_does_not_take_are_told_with_the_columns_and_a_mend(tmp_path: Path):
    project = small.make_project(tmp_path)
    small.edit(project, 'numbers="impute"', 'numbers="as-is"')

    said = r"loans: fitting \d+ training rows fails.*months in \d+ rows.*Input X contains NaN"
    with pytest.raises(NotTaken, match=said) as it:
        small.trained(project)
    assert "\n" not in str(it.value)
    assert 'columns.encode(numbers="impute")' in it.value.hint


def test_a_parameter_that_the_estimator_refuses_is_the_declarations_fault(tmp_path: Path):
    project = small.make_project(tmp_path)
    small.edit(project, "C=1.0", "C=-1.0")

    with pytest.raises(NotTaken, match=r"The 'C' parameter of LogisticRegression must be a float.* Got -1.0"):
        small.trained(project)
