"""Parity on the real data sets: all rows, and thousands of rows on tree thresholds."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier, VotingClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from tests.training.customers import additivity, scores
from towpath.core import formats
from towpath.core.plan import Column
from towpath.engine import links
from towpath.engine.text import TextModel, read_text
from towpath.training import parity
from towpath.training.compile.model import compile_model
from towpath.training.compile.text import compile_text

pytestmark = pytest.mark.data

WORDS = {"Geography": ("France", "Germany", "Spain"), "Gender": ("Female", "Male")}
EXACT = 1e-12


@pytest.fixture
def churn(real_data: Path) -> pd.DataFrame:
    return pd.read_csv(real_data / "Churn.csv").drop(columns=["RowNumber", "CustomerId", "Surname"])


def reference(model: object) -> Pipeline:
    """The original service's preprocessing."""
    numeric = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    words = make_pipeline(SimpleImputer(strategy="constant", fill_value="missing"), OneHotEncoder(drop="first"))
    return make_pipeline(ColumnTransformer([("words", words, list(WORDS))], remainder=numeric), model)


def by_position(model: object) -> Pipeline:
    return make_pipeline(ColumnTransformer([("words", OrdinalEncoder(), list(WORDS))], remainder="passthrough"), model)


VOTES = VotingClassifier(
    [
        (
            "line",
            LogisticRegression(C=0.1, class_weight="balanced", solver="liblinear", max_iter=1000, random_state=42),
        ),
        (
            "forest",
            RandomForestClassifier(
                100,
                max_depth=10,
                min_samples_split=10,
                min_samples_leaf=5,
                class_weight="balanced_subsample",
                random_state=42,
            ),
        ),
    ],
    voting="soft",
    weights=[0.4, 0.6],
)


@pytest.mark.parametrize(
    "estimator",
    [
        by_position(HistGradientBoostingClassifier(max_iter=150, learning_rate=0.05, random_state=42)),
        by_position(HistGradientBoostingClassifier(categorical_features=[0, 1], max_iter=100, random_state=42)),
        reference(LogisticRegression(C=0.1, class_weight="balanced", solver="liblinear")),
        reference(RandomForestClassifier(100, max_depth=10, min_samples_leaf=5, random_state=42)),
        reference(VOTES),
    ],
    ids=["boosting", "boosting sets", "logistic", "forest", "the original's voting"],
)
def test_churn_answers_as_scikit_learn_with_tenure_missing_and_on_thresholds(
    churn: pd.DataFrame, estimator: Pipeline
) -> None:
    frame, left = churn.drop(columns="Exited"), churn["Exited"]
    columns = tuple(Column(name, name, categories=WORDS.get(name, ())) for name in frame)
    estimator.fit(frame, left)
    compiled = compile_model(estimator, columns, parity.to_rows(frame, columns))
    on_thresholds = parity.threshold_rows(estimator, columns, frame, most=20_000, seed=0)
    asked = pd.concat([frame, on_thresholds], ignore_index=True)
    rows = parity.to_rows(asked, columns)

    found = parity.prove(parity.predictions(estimator, asked), scores(compiled, rows), EXACT, thresholds=[0.3, 0.5])

    found.require()
    assert frame["Tenure"].isna().sum() == 909
    assert additivity(compiled, rows) < EXACT


def test_sentiment_answers_as_scikit_learn_on_every_sentence(real_data: Path) -> None:
    files = [real_data / "rt_polarity" / f"rt-polarity.{mood}" for mood in ("neg", "pos")]
    moods = [file.read_text(encoding="cp1252").split("\n")[:-1] for file in files]
    texts = moods[0] + moods[1]
    model = make_pipeline(TfidfVectorizer(ngram_range=(1, 2)), LogisticRegression(C=10, max_iter=1000))
    model.fit(texts[::2], np.repeat([0, 1], [len(mood) for mood in moods])[::2])
    compiled = TextModel(read_text(formats.canonical(compile_text(model).content)))

    given = links.logistic(np.array(compiled.raw(texts)))

    found = parity.prove(parity.predictions(model, texts), given, 1e-15, thresholds=[0.5])
    assert (found.rows, found.broken, found.flips) == (10_662, 0, 0)
