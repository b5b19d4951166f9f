"""Hold rows out for testing, and remember which."""

import numpy as np
from sklearn.model_selection import train_test_split

from towpath.core import formats
from towpath.core.lineage import Split
from towpath.declare import data as declared


def split_rows(split: declared.Split, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positions of training and of test rows, both int64, in scikit-learn's order for the same seed."""
    groups = targets if split.kind == "stratified" else None
    positions = np.arange(len(targets))
    train, test = train_test_split(positions, test_size=split.test, random_state=split.seed, stratify=groups)
    return train, test


def describe_split(split: declared.Split, train: np.ndarray, test: np.ndarray) -> Split:
    digest = formats.digest(formats.canonical({"train": train.tolist(), "test": test.tolist()}))
    return Split(split.kind, split.test, split.seed, len(train), len(test), digest)
