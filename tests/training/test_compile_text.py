"""Text models answer as scikit-learn does, whatever is written in the text."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.pipeline import Pipeline, make_pipeline

from towpath.core import formats
from towpath.core.errors import VerificationRefused
from towpath.engine import links
from towpath.engine.text import TextModel, read_text
from towpath.training import parity
from towpath.training.compile.text import compile_text

TEXTS = [
    "A fine film, a fine cast",
    "dull dull dull, and too long",
    "l'été à Paris: très beau",
    "not good, not bad at all",
    "Straße und STRASSE, ﬁne İstanbul",
    "the plot is good and the end is bad",
    "x y z 1 22 333 foo_bar",
    "Ünïcode good великолепный фильм",
    "fine end, dull plot",
    "bad bad good",
]
MOODS = [1, 0, 1, 0, 1, 1, 0, 1, 0, 0]
TOPICS = [0, 1, 2, 0, 1, 2, 0, 1, 2, 1]
WORDS = sorted({word for text in TEXTS for word in text.split()})

SETTINGS = {
    "as it is": {},
    "pairs": {"ngram_range": (1, 2)},
    "pairs and triples only": {"ngram_range": (2, 3)},
    "case kept": {"lowercase": False},
    "sublinear, l1": {"sublinear_tf": True, "norm": "l1"},
    "binary, no norm": {"binary": True, "norm": None},
    "no idf": {"use_idf": False},
    "english stop words": {"stop_words": "english", "ngram_range": (1, 2)},
    "own stop words": {"stop_words": ["the", "and"]},
    "few features": {"max_features": 6},
}


def fitted(targets: list[int] = MOODS, **settings: object) -> Pipeline:
    return make_pipeline(TfidfVectorizer(**settings), LogisticRegression(C=10.0)).fit(TEXTS, targets)


def compiled(pipeline: Pipeline) -> TextModel:
    return TextModel(read_text(formats.canonical(compile_text(pipeline))))


MODELS = {name: (fitted(**settings), compiled(fitted(**settings))) for name, settings in SETTINGS.items()}


@pytest.mark.parametrize("setting", SETTINGS)
@given(text=st.one_of(st.text(), st.lists(st.sampled_from(WORDS), max_size=30).map(" ".join)))
def test_any_text_gets_the_score_scikit_learn_gives_it(setting: str, text: str) -> None:
    pipeline, model = MODELS[setting]

    assert model.raw([text])[0][0] == pytest.approx(pipeline.decision_function([text])[0], rel=1e-14, abs=1e-14)


@pytest.mark.parametrize("setting", SETTINGS)
def test_contributions_and_base_add_up_to_the_score(setting: str) -> None:
    model = MODELS[setting][1]

    for text in TEXTS:
        added = sum(model.contributions(text)[0].values())
        assert model.base[0] + added == pytest.approx(model.raw([text])[0][0], abs=1e-14)


def test_of_three_classes_each_gets_its_score() -> None:
    pipeline = fitted(TOPICS)

    given_scores = links.softmax(np.array(compiled(pipeline).raw(TEXTS)))

    assert given_scores.shape == (10, 3)
    parity.prove(parity.predictions(pipeline, TEXTS), given_scores, 1e-14).require()


def test_the_same_model_gives_the_same_bytes() -> None:
    assert formats.canonical(compile_text(fitted())) == formats.canonical(compile_text(fitted()))


@pytest.mark.parametrize(
    ("pipeline", "message"),
    [
        (make_pipeline(CountVectorizer(), LogisticRegression()), r"pipeline\.countvectorizer is a CountVectorizer"),
        (make_pipeline(TfidfVectorizer(), RidgeClassifier()), r"pipeline\.ridgeclassifier is a RidgeClassifier"),
        (make_pipeline(TfidfVectorizer(analyzer="char"), LogisticRegression()), "analyzer='char'"),
        (make_pipeline(TfidfVectorizer(token_pattern=r"(a+)+b|\w"), LogisticRegression()), "token_pattern="),
        (make_pipeline(TfidfVectorizer(strip_accents="unicode"), LogisticRegression()), "strip_accents='unicode'"),
    ],
)
def test_what_the_text_engine_lacks_is_refused_by_name(pipeline: Pipeline, message: str) -> None:
    with pytest.raises(VerificationRefused, match=message):
        compile_text(pipeline.fit(TEXTS, MOODS))


def test_a_model_that_is_no_pipeline_is_refused_with_one_that_would_do() -> None:
    with pytest.raises(VerificationRefused, match="this is a LogisticRegression") as refused:
        compile_text(LogisticRegression())

    assert "TfidfVectorizer" in refused.value.hint
