"""Estimators of our own that build() may return beside scikit-learn's; nothing is loaded until one is made."""

from typing import Any, Literal


def resampled(estimator: Any, how: Literal["oversample", "undersample"] = "oversample") -> Any:
    """The classifier, learning from as many rows of each class: rare ones repeated, or common ones left out.

    Only fitting is changed; seeded as every random_state is. Its probabilities are those of a world with as many of
    each class, so measure brier() or calibrate it.

    >>> resampled(make_pipeline(columns.encode(), LogisticRegression()), "undersample")
    """
    from towpath.declare.resample import Resampled

    return Resampled(estimator, how)
