"""Sentiment: whether a sentence speaks well or badly of its subject, learnt from film reviews."""

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from towpath.declare import (
    NotBlank,
    Record,
    Service,
    Style,
    accuracy,
    at_least,
    auc,
    binary,
    class_name,
    endpoints,
    f1,
    lines,
    stratified,
    top,
)  # fmt: skip

from .reviews import reviews


class Sentence(Record):
    text: NotBlank


service = Service(
    name="sentiment",
    title="ML Sentiment Inference API",
    record=Sentence,
    target=binary("label", positive="positive", negative="negative", labels=("negative", "positive")),
    data=lines(
        {
            "negative": (
                "rt_polarity/rt-polarity.neg",
                "4ace77d558c3714723843f1d65b60c01e3417b208180f0728808d76ad0eeeaca",
            ),
            "positive": (
                "rt_polarity/rt-polarity.pos",
                "2da124ec187a9d5a29c9f04e91c540e02baed5af8868f550a26bd6fd4dbf8bf0",
            ),
        },
        encoding="cp1252",
        generator=reviews,
    ),
    split=stratified(test=0.2, seed=42),
    answer={"label": class_name(unknown="neutral"), "confidence": top(round=2, unknown=0.5)},
    style=Style(
        "flask",
        messages={
            ("text", "missing"): "Request must include a 'text' field",
            ("text", "invalid"): "'text' must be a non-empty string",
        },
        home=endpoints(
            "ML Sentiment Inference API",
            {"/health": "GET  - Health check", "/predict": "POST - Sentiment prediction"},
        ),
    ),
    metrics=[accuracy(), f1("positive"), auc()],
    gates=[at_least("accuracy", 0.75)],
)


@service.build
def build(columns):
    # Chosen by cross-validation on the training rows; min_df=2 keeps a quarter of the terms and the same accuracy.
    terms = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2)
    return make_pipeline(terms, LogisticRegression(C=4.0, max_iter=1000))
