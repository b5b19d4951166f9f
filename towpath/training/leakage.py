"""Test rows that were learnt from: how many of them also stand, number and context aside, in the training rows."""

import numpy as np
import pandas as pd
from msgspec import structs

from towpath.core.quality import RULES, DataQuality, RuleResult
from towpath.data.table import LabelledRows

RULE = "Q18"
TARGET = "\0target"  # no column of a record is called that


def seen_in_training(rows: LabelledRows, learn: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Which test rows have the features and the target of some training row; bool (test rows,).

    learn, test: positions of the rows, int64.
    """
    keys = pd.util.hash_pandas_object(rows.features.assign(**{TARGET: rows.targets}), index=False).to_numpy()
    return np.isin(keys[test], keys[learn])


def with_seen(quality: DataQuality, seen: np.ndarray) -> DataQuality:
    """The same, with what the rule about test rows says; a warning only, since rows of few values do come twice."""
    count = int(seen.sum())
    verdict = "warn" if count else "pass"
    reason = ""
    if count:
        stand = "1 of" if count == 1 else f"{count} of"
        also = "also stands" if count == 1 else "also stand"
        reason = (
            f"{stand} {len(seen)} test rows ({count / len(seen):.1%}) {also} among the training rows, with the same "
            "features and target; what is measured on them says nothing about new rows"
        )
    found = RuleResult(RULE, RULES[RULE], "warning", verdict, "", reason, count)  # type: ignore[arg-type]  # of the two words above
    return structs.replace(quality, results=(*quality.results, found))
