"""A fitted TF-IDF and linear classifier to the content of text.json."""

from typing import Any

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline

from towpath.core.errors import VerificationRefused
from towpath.engine.text import TextContent
from towpath.training.compile.preprocess import not_supported, setting_not_supported

VECTORIZERS = (TfidfVectorizer,)
CLASSIFIERS = (LogisticRegression,)

# The engine splits text in one way; a pattern of one's own in a bundle could also hang a worker.
FIXED = {
    "analyzer": "word",
    "token_pattern": r"(?u)\b\w\w+\b",
    "tokenizer": None,
    "preprocessor": None,
    "strip_accents": None,
    "input": "content",
}


def compile_text(estimator: Any) -> TextContent:
    """Compile a pipeline of TfidfVectorizer and LogisticRegression that was fitted on strings.

    Raises VerificationRefused naming the class or the setting that the text engine does not have.
    """
    vectorizer, classifier = _parts(estimator)
    _check_settings(vectorizer)
    terms = sorted(vectorizer.vocabulary_, key=vectorizer.vocabulary_.__getitem__)
    return TextContent(
        lowercase=vectorizer.lowercase,
        ngrams=tuple(vectorizer.ngram_range),
        stop_words=tuple(sorted(vectorizer.get_stop_words() or ())),
        binary=vectorizer.binary,
        sublinear=vectorizer.sublinear_tf,
        norm=vectorizer.norm,
        terms=tuple(terms),
        idf=tuple(_idf(vectorizer, len(terms))),
        weights=tuple(tuple(row) for row in classifier.coef_.tolist()),
        bias=tuple(classifier.intercept_.tolist()),
    )


def _parts(estimator: Any) -> tuple[TfidfVectorizer, LogisticRegression]:
    if type(estimator) is not Pipeline or len(estimator.steps) != 2:
        raise VerificationRefused(
            f"a text service needs a pipeline of a vectorizer and a classifier, this is a {type(estimator).__name__}",
            hint="make_pipeline(TfidfVectorizer(), LogisticRegression())",
        )
    for (name, step), known in zip(estimator.steps, (VECTORIZERS, CLASSIFIERS), strict=True):
        if type(step) not in known:
            raise not_supported(step, f"pipeline.{name}", known)
    return estimator.steps[0][1], estimator.steps[1][1]


def _check_settings(vectorizer: TfidfVectorizer) -> None:
    for setting, fixed in FIXED.items():
        if (value := getattr(vectorizer, setting)) != fixed:
            raise setting_not_supported(vectorizer, "the vectorizer", f"{setting}={value!r}")


def _idf(vectorizer: TfidfVectorizer, count: int) -> list[float]:
    """All ones where it is not used: multiplying by one is exact."""
    return vectorizer.idf_.tolist() if vectorizer.use_idf else [1.0] * count
