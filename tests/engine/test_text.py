"""The text engine: which words it knows, and which files it refuses."""

import math
from pathlib import Path

import msgspec
import pytest

from towpath.bundle.read import read_bundle
from towpath.core import formats
from towpath.core.errors import FormatTooNew, VerificationRefused
from towpath.engine import text
from towpath.engine.engine import TextualModel, open_engine
from towpath.engine.text import TextContent, TextModel, Vocabulary, read_text

WORDS = Vocabulary(
    terms=("bad", "good", "not good"),
    idf=(1.0, 1.0, 2.0),
    weights=((-2.0, 3.0, -4.0),),
    ngrams=(1, 2),
    stop_words=("the",),
    norm="l2",
)
LETTERS = Vocabulary(terms=("good", "o"), idf=(1.0, 1.0), weights=((10.0, 0.25),), analyzer="char", ngrams=(1, 4))
CONTENT = TextContent((WORDS,), bias=(0.5,))
BOTH = TextContent((WORDS, LETTERS), bias=(0.5,))


def test_a_score_is_the_bias_and_the_normed_terms_times_their_weights() -> None:
    assert TextModel(CONTENT).raw(["good bad"]) == [[pytest.approx(0.5 + (3.0 - 2.0) / 2**0.5)]]


def test_a_text_without_known_words_has_the_base_score_and_no_contributions() -> None:
    model = TextModel(CONTENT)

    assert (model.count("xyzzy?"), model.raw(["xyzzy?"]), model.contributions("xyzzy?")) == ([{}], [[0.5]], [{}])


def test_pairs_of_words_are_known_as_one_term() -> None:
    assert set(TextModel(CONTENT).contributions("NOT the good")[0]) == {"good", "not good"}


def test_a_repeated_word_counts_each_time() -> None:
    parts = TextModel(CONTENT).contributions("good good bad")[0]

    assert parts["good"] / parts["bad"] == pytest.approx(2 * 3.0 / -2.0)


def test_several_vocabularies_add_up_and_a_term_of_both_counts_for_both() -> None:
    model = TextModel(BOTH)

    assert model.raw(["good"]) == [[0.5 + 3.0 + 10.0 + 2 * 0.25]]
    assert model.contributions("good") == [{"good": 13.0, "o": 0.5}]


def test_the_mean_of_calibrated_members_is_a_probability_and_its_contributions_add_up_to_it() -> None:
    pair = msgspec.structs.replace(WORDS, weights=((-2.0, 3.0, -4.0), (-1.0, 1.0, 0.0)))
    model = TextModel(TextContent((pair,), bias=(0.5, 0.0), mean=True))

    (score,) = model.raw(["good"])[0]

    assert score == pytest.approx((1 / (1 + math.exp(-3.5)) + 1 / (1 + math.exp(-1.0))) / 2)
    assert model.base[0] + sum(model.contributions("good")[0].values()) == pytest.approx(score, abs=1e-15)


def test_a_text_of_which_one_vocabulary_knows_a_term_is_known() -> None:
    model = TextualModel("text", TextModel(BOTH))

    assert model.knows([TextModel(BOTH).count(text) for text in ("o", "xyz")]) == [True, False]


def test_a_text_is_split_once_for_all_that_is_asked_of_it(bundles: dict[str, Path], monkeypatch) -> None:
    split, splitter = [], text.splitter

    def watched(*kind: object, **settings: object) -> object:
        return lambda words: split.append(words) or splitter(*kind, **settings)(words)

    monkeypatch.setattr(text, "splitter", watched)
    engine = open_engine(read_bundle(bundles["sentiment"]))
    row = engine.model.prepare(engine.read({"text": "good and good"}))
    engine.see([row])
    engine.model.contributions([row])

    assert split == ["good and good"]


def test_no_text_at_all_gives_no_scores() -> None:
    assert TextModel(CONTENT).raw([]) == []


def test_content_survives_its_file() -> None:
    assert read_text(formats.canonical(CONTENT)) == CONTENT


def test_the_format_is_the_first_key() -> None:
    assert formats.canonical(CONTENT).startswith(b'{"format":"towpath/text/1"')


def test_a_newer_format_is_refused_by_name() -> None:
    newer = formats.canonical(CONTENT).replace(b"towpath/text/1", b"towpath/text/2")

    with pytest.raises(FormatTooNew, match="towpath/text/2"):
        read_text(newer)


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"\xff", b'{"format":"towpath/plan/1"}', b"[" * 100_000])
def test_bytes_that_are_no_text_model_are_refused(content: bytes) -> None:
    with pytest.raises(VerificationRefused, match=r"text\.json"):
        read_text(content)


def test_a_number_that_is_none_is_refused() -> None:
    with pytest.raises(VerificationRefused, match=r"text\.json"):
        read_text(formats.canonical(CONTENT).replace(b"-4.0", b"null"))


def test_a_pattern_that_is_not_ours_is_refused() -> None:
    content = formats.canonical(TextContent((msgspec.structs.replace(WORDS, pattern=r"\w+"),), bias=(0.5,)))

    with pytest.raises(VerificationRefused, match=r"text\.json"):
        read_text(content.replace(rb"\\w+", rb"(\\w+)+$"))


@pytest.mark.parametrize(
    "change",
    [
        {"idf": (1.0,)},
        {"weights": ((1.0, 2.0),)},
        {"weights": ()},
        {"weights": ((1.0, 2.0, 3.0),) * 2},
        {"terms": ("bad",)},
        {"ngrams": (0, 1)},
        {"ngrams": (2, 1)},
    ],
)
def test_lists_of_different_lengths_are_refused(change: dict[str, tuple[object, ...]]) -> None:
    with pytest.raises(VerificationRefused, match="lists of"):
        TextModel(TextContent((msgspec.structs.replace(WORDS, **change),), bias=(0.5,)))


@pytest.mark.parametrize("content", [TextContent((), bias=(0.5,)), TextContent((WORDS,), bias=())])
def test_a_model_without_vocabularies_or_outputs_is_refused(content: TextContent) -> None:
    with pytest.raises(VerificationRefused, match="outputs"):
        TextModel(content)
