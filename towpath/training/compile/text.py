"""A fitted pipeline over strings to the content of text.json: its vectorizers, and the linear model behind them."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from msgspec.structs import replace
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfTransformer, TfidfVectorizer
from sklearn.feature_selection import SelectorMixin
from sklearn.pipeline import FeatureUnion, Pipeline

from towpath.core.errors import VerificationRefused
from towpath.core.plan import Link
from towpath.engine.text import TextContent, Vocabulary
from towpath.engine.tokens import PATTERNS, WORDS
from towpath.training.compile.outermost import refuse_own_threshold
from towpath.training.compile.refusals import not_supported, setting_not_supported
from towpath.training.compile.text_heads import Head, text_head

VECTORIZERS = (CountVectorizer, TfidfVectorizer)
READERS = (*VECTORIZERS, FeatureUnion, Pipeline)
AFTER = (TfidfTransformer, SelectorMixin)

# The engine runs none of these: they are Python of one's own, or read files.
FIXED = {"tokenizer": None, "preprocessor": None, "input": "content"}


@dataclass(frozen=True)
class CompiledText:
    """What text.json holds, and the link that makes scores of its raw scores."""

    content: TextContent
    link: Link

    @property
    def outputs(self) -> int:
        return 1 if self.content.mean else len(self.content.bias)


@dataclass(frozen=True)
class Terms:
    """Vocabularies, without weights yet; which of all their terms go on to the model, and how often each counts."""

    vocabularies: tuple[Vocabulary, ...]
    kept: np.ndarray
    factors: np.ndarray


def compile_text(estimator: Any) -> CompiledText:
    """Compile a pipeline of vectorizers and a linear model that was fitted on strings.

    Raises VerificationRefused naming the class or the setting that the text engine does not have.
    """
    refuse_own_threshold(estimator)
    if type(estimator) is not Pipeline or len(estimator.steps) < 2:
        raise VerificationRefused(
            f"a text service needs a pipeline of a vectorizer and a classifier, this is a {type(estimator).__name__}",
            hint="make_pipeline(TfidfVectorizer(), LogisticRegression())",
        )
    terms = _read_steps(estimator.steps[:-1], "pipeline")
    name, last = estimator.steps[-1]
    head = text_head(last, f"pipeline.{name}")
    return CompiledText(_content(_by_presence(terms, last) if head.presence else terms, head), head.link)


def _content(terms: Terms, head: Head) -> TextContent:
    sizes = [len(vocabulary.terms) for vocabulary in terms.vocabularies]
    weights = np.zeros((len(head.bias), sum(sizes)))
    weights[:, terms.kept] = head.weights * terms.factors
    parts = np.split(weights, np.cumsum(sizes)[:-1], axis=1)
    weighted = [
        replace(vocabulary, weights=tuple(tuple(row) for row in part.tolist()))
        for vocabulary, part in zip(terms.vocabularies, parts, strict=True)
    ]
    return TextContent(tuple(weighted), tuple(head.bias.tolist()), head.mean)


def _read(step: Any, place: str) -> Terms:
    if isinstance(step, HashingVectorizer):
        raise VerificationRefused(
            f"{place} is a HashingVectorizer: it forgets its words, so nobody could say what a term adds",
            hint="TfidfVectorizer(max_features=50_000) keeps a model as small, and its words",
        )
    if type(step) not in READERS:
        raise not_supported(step, place, READERS)
    if isinstance(step, Pipeline):
        return _read_steps(step.steps, place)
    return _read_union(step, place) if isinstance(step, FeatureUnion) else _read_vectorizer(step, place)


def _read_steps(steps: Sequence[tuple[str, Any]], place: str) -> Terms:
    """A vectorizer, and what stands between it and the model."""
    (first, vectorizer), *others = steps
    terms = _read(vectorizer, f"{place}.{first}")
    for name, step in others:
        if step not in (None, "passthrough"):
            terms = _after(step, terms, f"{place}.{name}")
    return terms


def _read_union(union: FeatureUnion, place: str) -> Terms:
    weights = union.transformer_weights or {}
    parts = [
        (_read(step, f"{place}.{name}"), weights.get(name, 1.0))
        for name, step in union.transformer_list
        if step not in ("drop", "passthrough")
    ]
    starts = np.cumsum([0, *(sum(len(one.terms) for one in part.vocabularies) for part, _ in parts)])
    return Terms(
        tuple(vocabulary for part, _ in parts for vocabulary in part.vocabularies),
        np.concatenate([part.kept + start for (part, _), start in zip(parts, starts, strict=False)]),
        np.concatenate([part.factors * weight for part, weight in parts]),
    )


def _read_vectorizer(vectorizer: Any, place: str) -> Terms:
    _check_settings(vectorizer, place)
    terms = tuple(sorted(vectorizer.vocabulary_, key=vectorizer.vocabulary_.__getitem__))
    words = vectorizer.analyzer == "word"
    vocabulary = Vocabulary(
        terms=terms,
        idf=(1.0,) * len(terms),
        weights=(),
        analyzer=vectorizer.analyzer,
        lowercase=vectorizer.lowercase,
        accents=vectorizer.strip_accents,
        pattern=vectorizer.token_pattern if words else WORDS,
        ngrams=tuple(vectorizer.ngram_range),
        stop_words=tuple(sorted(vectorizer.get_stop_words() or ())) if words else (),
        binary=vectorizer.binary,
    )
    if isinstance(vectorizer, TfidfVectorizer):
        vocabulary = _with_idf(vocabulary, vectorizer)
    return Terms((vocabulary,), np.arange(len(terms)), np.ones(len(terms)))


def _check_settings(vectorizer: Any, place: str) -> None:
    for setting, fixed in FIXED.items():
        if (value := getattr(vectorizer, setting)) != fixed:
            raise setting_not_supported(vectorizer, place, f"{setting}={value!r}")
    if callable(vectorizer.analyzer) or callable(vectorizer.strip_accents):
        raise VerificationRefused(
            f"{place}, a {type(vectorizer).__name__}, splits texts by a function: a bundle runs no Python of yours",
            hint='analyzer="word", "char" or "char_wb"; strip_accents="unicode" or "ascii"',
        )
    if vectorizer.analyzer == "word" and vectorizer.token_pattern not in PATTERNS:
        raise VerificationRefused(
            f"{place}, a {type(vectorizer).__name__}, has token_pattern={vectorizer.token_pattern!r}, "
            "which no worker would run: a pattern can take for ever on a text that somebody sends",
            hint=f"one of {', '.join(map(repr, PATTERNS))}",
        )
    if vectorizer.dtype not in (np.int64, np.float64):
        raise setting_not_supported(vectorizer, place, f"dtype={vectorizer.dtype}")


def _with_idf(vocabulary: Vocabulary, owner: Any) -> Vocabulary:
    """By a TfidfVectorizer's or a TfidfTransformer's settings; multiplying by an idf of one is exact."""
    idf = tuple(owner.idf_.tolist()) if owner.use_idf else vocabulary.idf
    return replace(vocabulary, idf=idf, sublinear=owner.sublinear_tf, norm=owner.norm)


def _after(step: Any, terms: Terms, place: str) -> Terms:
    if isinstance(step, SelectorMixin):  # what it drops counts in the norm all the same, so it keeps its place
        chosen = step.get_support()
        return dataclasses.replace(terms, kept=terms.kept[chosen], factors=terms.factors[chosen])
    if type(step) is not TfidfTransformer:
        raise not_supported(step, place, AFTER)
    plain = [
        vocabulary for vocabulary in terms.vocabularies if vocabulary.norm is None and set(vocabulary.idf) <= {1.0}
    ]
    if len(plain) != 1 or len(terms.vocabularies) != 1 or len(terms.kept) != len(plain[0].terms):
        raise VerificationRefused(
            f"{place} is a TfidfTransformer that does not stand right behind one CountVectorizer",
            hint="use a TfidfVectorizer, each with its own settings where there are several",
        )
    return dataclasses.replace(terms, vocabularies=(_with_idf(plain[0], step),))


def _by_presence(terms: Terms, owner: Any) -> Terms:
    """Each term that occurs as one, as BernoulliNB sees it: idf, counts and norm leave a number above zero so."""
    if (terms.factors <= 0.0).any():
        raise VerificationRefused(
            f"a {type(owner).__name__} stands behind a FeatureUnion with a weight of 0 or less",
            hint="it looks only at whether a term occurs: leave the weights out",
        )
    seen = [
        replace(one, idf=(1.0,) * len(one.terms), binary=True, sublinear=False, norm=None) for one in terms.vocabularies
    ]
    return dataclasses.replace(terms, vocabularies=tuple(seen), factors=np.ones(len(terms.factors)))
