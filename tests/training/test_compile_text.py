"""Text models answer as scikit-learn does, whatever is written in the text."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.decomposition import TruncatedSVD
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfTransformer, TfidfVectorizer
from sklearn.feature_selection import SelectKBest, chi2
from sklearn.linear_model import (
    ElasticNet,
    LinearRegression,
    LogisticRegression,
    LogisticRegressionCV,
    Ridge,
    RidgeClassifier,
    SGDClassifier,
    SGDRegressor,
)
from sklearn.naive_bayes import BernoulliNB, ComplementNB, MultinomialNB
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.svm import LinearSVC, LinearSVR

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

PRICES = [3.5, 1.0, 4.0, 2.5, 3.0, 4.5, 1.5, 5.0, 2.0, 1.0]

VECTORIZERS = {
    "as it is": TfidfVectorizer(),
    "pairs": TfidfVectorizer(ngram_range=(1, 2)),
    "pairs and triples only": TfidfVectorizer(ngram_range=(2, 3)),
    "case kept": TfidfVectorizer(lowercase=False),
    "sublinear, l1": TfidfVectorizer(sublinear_tf=True, norm="l1"),
    "binary, no norm": TfidfVectorizer(binary=True, norm=None),
    "no idf": TfidfVectorizer(use_idf=False),
    "english stop words": TfidfVectorizer(stop_words="english", ngram_range=(1, 2)),
    "own stop words": TfidfVectorizer(stop_words=["the", "and"]),
    "few features": TfidfVectorizer(max_features=6),
    "own words": TfidfVectorizer(vocabulary=["good", "bad", "film"]),
    "single letters too": TfidfVectorizer(token_pattern=r"\b\w+\b"),
    "no accents": TfidfVectorizer(strip_accents="unicode"),
    "ascii": TfidfVectorizer(strip_accents="ascii", lowercase=False),
    "letters": TfidfVectorizer(analyzer="char", ngram_range=(1, 3)),
    "letters, no accents": TfidfVectorizer(analyzer="char", ngram_range=(2, 2), strip_accents="unicode"),
    "letters of words": TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True),
    "long letters of words": TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 4), lowercase=False),
    "counts": CountVectorizer(ngram_range=(1, 2)),
    "counted letters": CountVectorizer(analyzer="char", ngram_range=(3, 3), binary=True),
    "counts, then tf-idf": make_pipeline(CountVectorizer(), TfidfTransformer(sublinear_tf=True)),
    "the best words": make_pipeline(TfidfVectorizer(), SelectKBest(chi2, k=9)),
    "words and letters": FeatureUnion(
        [("words", TfidfVectorizer(ngram_range=(1, 2))), ("letters", TfidfVectorizer(analyzer="char_wb"))]
    ),
    "words, letters, counts, by weight": FeatureUnion(
        [
            ("words", make_pipeline(TfidfVectorizer(), SelectKBest(chi2, k=5))),
            ("none", "drop"),
            ("letters", TfidfVectorizer(analyzer="char", ngram_range=(1, 2))),
            ("counts", CountVectorizer()),
        ],
        transformer_weights={"words": 2.0, "letters": 0.3},
    ),
}
TWO_CLASSES = {
    "logistic": LogisticRegression(C=10.0),
    "chosen by folds": LogisticRegressionCV(
        Cs=2, cv=2, scoring="accuracy", l1_ratios=(0.0,), use_legacy_attributes=False
    ),
    "stochastic": SGDClassifier(loss="log_loss", random_state=0),
    "multinomial bayes": MultinomialNB(),
    "complement bayes": ComplementNB(norm=True),
    "bernoulli bayes": BernoulliNB(alpha=0.4),
    "calibrated vectors": CalibratedClassifierCV(LinearSVC(), cv=3),
    "calibrated ridge": CalibratedClassifierCV(RidgeClassifier(), cv=3, ensemble=False),
}
THREE_CLASSES = {
    "logistic": LogisticRegression(C=10.0),
    "multinomial bayes": MultinomialNB(alpha=0.1),
    "complement bayes": ComplementNB(),
    "bernoulli bayes": BernoulliNB(),
}
VALUES = {
    "line": LinearRegression(),
    "ridge": Ridge(),
    "vectors": LinearSVR(random_state=0),
    "stochastic": SGDRegressor(random_state=0),
    "elastic net": ElasticNet(alpha=0.01),
}


def compiled(pipeline: Pipeline) -> TextModel:
    return TextModel(read_text(formats.canonical(compile_text(pipeline).content)))


def scores(pipeline: Pipeline, texts: list[str]) -> np.ndarray:
    return links.LINKS[compile_text(pipeline).link](np.array(compiled(pipeline).raw(texts)))


def fitted(vectorizer: object = None, model: object = None, targets: list = MOODS) -> Pipeline:
    return make_pipeline(
        clone(vectorizer or TfidfVectorizer()), LogisticRegression(C=10.0) if model is None else clone(model)
    ).fit(TEXTS, targets)


PIPELINES = {name: fitted(vectorizer) for name, vectorizer in VECTORIZERS.items()}
MODELS = {name: compiled(pipeline) for name, pipeline in PIPELINES.items()}


@pytest.mark.parametrize("setting", VECTORIZERS)
@given(text=st.one_of(st.text(), st.lists(st.sampled_from(WORDS), max_size=30).map(" ".join)))
def test_any_text_gets_the_score_scikit_learn_gives_it(setting: str, text: str) -> None:
    expected = PIPELINES[setting].decision_function([text])[0]

    assert MODELS[setting].raw([text])[0][0] == pytest.approx(expected, rel=1e-13, abs=1e-13)


@pytest.mark.parametrize("setting", VECTORIZERS)
def test_contributions_and_base_add_up_to_the_score(setting: str) -> None:
    model = MODELS[setting]

    for text in TEXTS:
        added = sum(model.contributions(text)[0].values())
        assert model.base[0] + added == pytest.approx(model.raw([text])[0][0], abs=1e-13)


@pytest.mark.parametrize("vectorizer", ["as it is", "counts", "words and letters"])
@pytest.mark.parametrize(
    ("model", "targets"),
    [(model, MOODS) for model in TWO_CLASSES.values()]
    + [(model, TOPICS) for model in THREE_CLASSES.values()]
    + [(model, PRICES) for model in VALUES.values()],
    ids=[
        f"{kind}: {name}"
        for kind, of in (("two", TWO_CLASSES), ("three", THREE_CLASSES), ("value", VALUES))
        for name in of
    ],
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_every_model_over_terms_answers_as_scikit_learn_and_its_contributions_add_up(
    vectorizer: str, model: object, targets: list
) -> None:
    pipeline = fitted(VECTORIZERS[vectorizer], model, targets)
    asked = [*TEXTS, "", "good good good film", "never seen", "très BAD"]
    made = compiled(pipeline)

    parity.prove(parity.predictions(pipeline, asked), scores(pipeline, asked), 1e-12, [0.5]).require()
    for text in asked:
        for base, parts, raw in zip(made.base, made.contributions(text), made.raw([text])[0], strict=True):
            assert base + sum(parts.values()) == pytest.approx(raw, rel=1e-12, abs=1e-12)


def test_the_same_model_gives_the_same_bytes() -> None:
    once, again = (formats.canonical(compile_text(fitted(VECTORIZERS["words and letters"])).content) for _ in "ab")

    assert once == again


@pytest.mark.parametrize(
    ("vectorizer", "model", "message", "hint"),
    [
        (HashingVectorizer(), None, "pipeline.hashingvectorizer is a HashingVectorizer", "max_features"),
        (
            TfidfVectorizer(),
            RidgeClassifier(),
            "pipeline.ridgeclassifier is a RidgeClassifier",
            "CalibratedClassifierCV",
        ),
        (TfidfVectorizer(), RandomForestClassifier(2), "pipeline.randomforestclassifier is a", "LogisticRegression"),
        (TfidfVectorizer(analyzer=str.split), None, "splits texts by a function", "char_wb"),
        (TfidfVectorizer(strip_accents=str.upper), None, "splits texts by a function", "unicode"),
        (TfidfVectorizer(tokenizer=str.split, token_pattern=None), None, "tokenizer=", "default"),
        (TfidfVectorizer(preprocessor=str.upper), None, "preprocessor=", "default"),
        (TfidfVectorizer(token_pattern=r"(a+)+b|\w"), None, r"token_pattern='\(a\+\)\+b", "one of"),
        (TfidfVectorizer(dtype=np.float32), None, "dtype=", "default"),
        (make_pipeline(TfidfVectorizer(), TruncatedSVD(2)), None, "is a TruncatedSVD", "SelectorMixin"),
        (make_pipeline(TfidfVectorizer(), TfidfTransformer()), None, "is a TfidfTransformer", "TfidfVectorizer"),
        (TfidfVectorizer(), BernoulliNB(binarize=0.5), "binarize=0.5", "default"),
        (
            FeatureUnion([("a", CountVectorizer())], transformer_weights={"a": -1.0}),
            BernoulliNB(),
            "weight of 0",
            "leave",
        ),
        (TfidfVectorizer(), SGDClassifier(loss="modified_huber"), "loss='modified_huber'", "default"),
        (
            TfidfVectorizer(),
            CalibratedClassifierCV(LinearSVC(), cv=2, method="isotonic"),
            "method='isotonic'",
            "default",
        ),
        (
            TfidfVectorizer(),
            CalibratedClassifierCV(MultinomialNB(), cv=2),
            r"estimator is a MultinomialNB",
            "LinearSVC",
        ),
    ],
)
def test_what_the_text_engine_lacks_is_refused_by_name_with_what_it_has(
    vectorizer: object, model: object, message: str, hint: str
) -> None:
    with pytest.raises(VerificationRefused, match=message) as refused:
        compile_text(fitted(vectorizer, model))

    assert hint in refused.value.hint


@pytest.mark.parametrize("model", [SGDClassifier(loss="log_loss"), CalibratedClassifierCV(LinearSVC(), cv=2)])
def test_of_many_classes_one_against_the_rest_is_refused(model: object) -> None:
    with pytest.raises(VerificationRefused, match="3 classes"):
        compile_text(fitted(model=model, targets=TOPICS))


def test_a_model_that_is_no_pipeline_is_refused_with_one_that_would_do() -> None:
    with pytest.raises(VerificationRefused, match="this is a LogisticRegression") as refused:
        compile_text(LogisticRegression())

    assert "TfidfVectorizer" in refused.value.hint
