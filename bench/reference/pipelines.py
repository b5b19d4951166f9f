"""The reference services' own pipelines, unfitted: what both sides of the race serve."""

from collections.abc import Sequence
from typing import Any

from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    GradientBoostingClassifier,
    RandomForestClassifier,
    RandomForestRegressor,
    VotingClassifier,
)
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

SEED = 42
DATASET_YEAR = 2024  # from which runbook 004's CarVision counts a car's age


def bankchurn(numbers: Sequence[str], categories: Sequence[str]) -> Any:
    """A soft vote of a linear model and a forest, behind two imputers, a scaler and an encoder."""
    linear = LogisticRegression(C=0.1, class_weight="balanced", solver="liblinear", max_iter=1000, random_state=SEED)
    forest = RandomForestClassifier(
        100,
        max_depth=10,
        min_samples_split=10,
        min_samples_leaf=5,
        class_weight="balanced_subsample",
        random_state=SEED,
        n_jobs=-1,
    )
    vote = VotingClassifier([("lr", linear), ("rf", forest)], voting="soft", weights=[0.4, 0.6])
    encode = make_pipeline(
        SimpleImputer(strategy="constant", fill_value="missing"), OneHotEncoder(drop="first", handle_unknown="ignore")
    )
    return Pipeline([("pre", _columns(numbers, categories, encode)), ("clf", vote)])


def iris() -> Any:
    """A forest of a hundred trees over four lengths."""
    return RandomForestClassifier(100, random_state=SEED)


def carvision(numbers: Sequence[str], categories: Sequence[str]) -> Any:
    """A forest of 300 deep trees over eleven columns, a car's age and brand among them; see reference/carvision.py."""
    forest = RandomForestRegressor(300, max_depth=12, min_samples_leaf=2, random_state=SEED, n_jobs=-1)
    encode = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore"))
    return Pipeline([("pre", _columns(numbers, categories, encode)), ("model", forest)])


def telecom() -> Any:
    """Boosted stumps of depth two behind an imputer and a scaler."""
    boosted = GradientBoostingClassifier(n_estimators=200, max_depth=2, learning_rate=0.05, random_state=SEED)
    return make_pipeline(SimpleImputer(strategy="median"), StandardScaler(), boosted)


def sentiment() -> Any:
    """What the original lacks: a model. A linear one over words and pairs of words, all of them kept."""
    return make_pipeline(TfidfVectorizer(ngram_range=(1, 2)), LogisticRegression(C=10, max_iter=1000))


def _columns(numbers: Sequence[str], categories: Sequence[str], encode: Any) -> ColumnTransformer:
    scale = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    return ColumnTransformer([("num", scale, list(numbers)), ("cat", encode, list(categories))])
