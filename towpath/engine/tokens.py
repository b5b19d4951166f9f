"""A text to the terms of a vocabulary, letter by letter as scikit-learn's vectorizers split it."""

import re
import unicodedata
from collections.abc import Callable, Sequence
from typing import Literal, TypeAlias, get_args

Analyzer = Literal["word", "char", "char_wb"]
Accents = Literal["unicode", "ascii"]

# A closed list: a pattern of one's own could take for ever on a text that somebody sends. These look at each letter
# once, and hold no group, which would make re answer with something else than the words.
Pattern: TypeAlias = Literal[
    r"(?u)\b\w\w+\b",
    r"(?u)\b\w+\b",
    r"(?u)\w+",
    r"\b\w\w+\b",
    r"\b\w+\b",
    r"\w+",
    r"\w\w+",
    r"\w{2,}",
    r"\w{3,}",
    r"\S+",
    r"[a-z]+",
    r"[a-z]{2,}",
    r"[A-Za-z]+",
    r"[a-zA-Z]+",
    r"[A-Za-z]{2,}",
    r"[a-zA-Z]{2,}",
    r"[a-z0-9]+",
    r"[A-Za-z0-9]+",
    r"[a-zA-Z0-9]+",
]
PATTERNS: tuple[str, ...] = get_args(Pattern)
WORDS: Pattern = r"(?u)\b\w\w+\b"  # scikit-learn's own
SPACES = re.compile(r"\s\s+")

Split: TypeAlias = Callable[[str], list[str]]


def splitter(
    analyzer: Analyzer,
    *,
    lowercase: bool,
    accents: Accents | None,
    pattern: Pattern,
    ngrams: tuple[int, int],
    stop_words: Sequence[str],
) -> Split:
    """What makes terms of a text: words or runs of letters, each as often as it occurs."""
    shortest, longest = ngrams
    terms = _words(pattern, frozenset(stop_words), shortest, longest) if analyzer == "word" else None
    split = terms or (_letters(shortest, longest) if analyzer == "char" else _letters_of_words(shortest, longest))
    clean = CLEAN[accents]
    if clean:
        return lambda text: split(clean(text.lower() if lowercase else text))
    return (lambda text: split(text.lower())) if lowercase else split


def _words(pattern: Pattern, stop_words: frozenset[str], shortest: int, longest: int) -> Split:
    """Words, then pairs of neighbours, and so on, as far as the n-grams go."""
    find = re.compile(pattern).findall
    lengths = range(max(shortest, 2), longest + 1)

    def split(text: str) -> list[str]:
        words = find(text)
        if stop_words:
            words = [word for word in words if word not in stop_words]
        terms = words if shortest == 1 else []
        for length in lengths:
            terms = terms + list(map(" ".join, zip(*[words[start:] for start in range(length)], strict=False)))
        return terms

    return split


def _letters(shortest: int, longest: int) -> Split:
    """Runs of letters over the whole text, spaces among them."""

    def split(text: str) -> list[str]:
        text = SPACES.sub(" ", text)
        lengths = range(shortest, min(longest, len(text)) + 1)
        return [text[start : start + n] for n in lengths for start in range(len(text) - n + 1)]

    return split


def _letters_of_words(shortest: int, longest: int) -> Split:
    """Runs of letters inside each word and the spaces around it; a word shorter than a run counts once, whole."""

    def split(text: str) -> list[str]:
        terms: list[str] = []
        for word in text.split():
            padded = f" {word} "
            size = len(padded)
            for n in range(shortest, longest + 1):
                terms += [padded[start : start + n] for start in range(max(size - n, 0) + 1)]
                if n >= size:
                    break
        return terms

    return split


def _without_marks(text: str) -> str:
    """Letters without their accents; an ASCII text has none."""
    if text.isascii():
        return text
    return "".join([letter for letter in unicodedata.normalize("NFKD", text) if not unicodedata.combining(letter)])


def _ascii(text: str) -> str:
    """Letters without their accents, and nothing for a letter that has no ASCII form."""
    return text if text.isascii() else unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode("ascii")


CLEAN: dict[Accents | None, Callable[[str], str] | None] = {None: None, "unicode": _without_marks, "ascii": _ascii}
