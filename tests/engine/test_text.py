"""The text engine: which words it knows, and which files it refuses."""

from pathlib import Path

import msgspec
import pytest

from towpath.bundle.read import read_bundle
from towpath.core import formats
from towpath.core.errors import FormatTooNew, VerificationRefused
from towpath.engine.engine import open_engine
from towpath.engine.text import TextContent, TextModel, read_text

CONTENT = TextContent(
    lowercase=True,
    ngrams=(1, 2),
    stop_words=("the",),
    binary=False,
    sublinear=False,
    norm="l2",
    terms=("bad", "good", "not good"),
    idf=(1.0, 1.0, 2.0),
    weights=((-2.0, 3.0, -4.0),),
    bias=(0.5,),
)


def test_a_score_is_the_bias_and_the_normed_terms_times_their_weights() -> None:
    assert TextModel(CONTENT).raw(["good bad"]) == [[pytest.approx(0.5 + (3.0 - 2.0) / 2**0.5)]]


def test_a_text_without_known_words_has_the_base_score_and_no_contributions() -> None:
    model = TextModel(CONTENT)

    assert (model.count("xyzzy?"), model.raw(["xyzzy?"]), model.contributions("xyzzy?")) == ({}, [[0.5]], [{}])


def test_pairs_of_words_are_known_as_one_term() -> None:
    assert set(TextModel(CONTENT).contributions("NOT the good")[0]) == {"good", "not good"}


def test_a_repeated_word_counts_each_time() -> None:
    parts = TextModel(CONTENT).contributions("good good bad")[0]

    assert parts["good"] / parts["bad"] == pytest.approx(2 * 3.0 / -2.0)


def test_a_text_is_split_once_for_all_that_is_asked_of_it(bundles: dict[str, Path], monkeypatch) -> None:
    engine, split = open_engine(read_bundle(bundles["sentiment"])), []
    monkeypatch.setattr(TextModel, "_split", lambda self, text: split.append(text) or text.split())
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


@pytest.mark.parametrize(
    "change", [{"idf": (1.0,)}, {"weights": ((1.0, 2.0),)}, {"weights": ()}, {"bias": (0.5, 0.5)}, {"terms": ("bad",)}]
)
def test_lists_of_different_lengths_are_refused(change: dict[str, tuple[object, ...]]) -> None:
    with pytest.raises(VerificationRefused, match="lists of"):
        TextModel(msgspec.structs.replace(CONTENT, **change))
