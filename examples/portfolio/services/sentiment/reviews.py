"""Invented film reviews for machines without the real ones: short sentences whose words lean one way or the other."""

import numpy as np
import pandas as pd

POSITIVE = """
    great wonderful moving funny brilliant charming delightful superb fresh clever warm gripping lovely honest rich
    enjoyable powerful touching smart beautiful entertaining hilarious heartfelt inspired dazzling amazing good best
"""
NEGATIVE = """
    terrible dull boring awful flat tedious silly lazy bland messy weak stupid pointless shallow tired clumsy bad
    worst predictable lifeless annoying contrived hollow stale confused sloppy forgettable dreary mess awkward
"""
PLAIN = """
    the a film movie story plot cast script scene director actor performance camera music ending dialogue character
    with of and in this that is as it to from for its one two more very almost quite about who his her their
"""
LEANING = {"positive": POSITIVE.split(), "negative": NEGATIVE.split()}
OFTEN = 0.75  # how often a leaning word leans the way of its review


def reviews(rows: int, seed: int) -> pd.DataFrame:
    """Columns text and label, half of them positive."""
    random = np.random.default_rng(seed)
    labels = np.where(np.arange(rows) % 2 == 0, "negative", "positive")
    return pd.DataFrame({"text": [_review(label, random) for label in labels], "label": labels})


def _review(label: str, random: np.random.Generator) -> str:
    other = "negative" if label == "positive" else "positive"
    words = list(random.choice(PLAIN.split(), size=random.integers(6, 22)))
    for _ in range(random.integers(1, 5)):
        side = label if random.random() < OFTEN else other
        words.insert(int(random.integers(0, len(words) + 1)), str(random.choice(LEANING[side])))
    return " ".join(words)
