"""Refusals of what has no converter: by name, by place, and with what to use instead."""

from typing import Any

from towpath.core.errors import VerificationRefused

INSTEAD = {
    "QuantileTransformer": "trees do not need it; before a linear model use PowerTransformer or KBinsDiscretizer",
    "SplineTransformer": "use KBinsDiscretizer or PolynomialFeatures, or trees, which bend by themselves",
    "KNNImputer": "it looks through all training rows for each answer; use SimpleImputer(add_indicator=True)",
    "IterativeImputer": "use SimpleImputer(add_indicator=True), or trees that take missing values as they are",
    **dict.fromkeys(
        ("TfidfVectorizer", "CountVectorizer", "HashingVectorizer"),
        "a service reads either one text or a row of columns: declare a record of one string and use TfidfVectorizer, "
        "or make columns of the text with contains(), length() and the other derived features",
    ),
    "KernelPCA": "use PCA",
    "IncrementalPCA": "use PCA",
    "FeatureHasher": "use OneHotEncoder(max_categories=...) or TargetEncoder",
    "LabelEncoder": "it is for targets, which the declaration codes itself; use OrdinalEncoder",
}
"""For classes that people reach for: what serves the same end."""


def not_supported(estimator: Any, place: str, table: Any) -> VerificationRefused:
    """The refusal that names the class, its place and what there is instead."""
    name = type(estimator).__name__
    names = ", ".join(sorted(kind.__name__ for kind in table))
    hint = INSTEAD.get(name, f"supported here: {names}")
    return VerificationRefused(f"{place} is a {name}, which has no converter", hint=hint)


def setting_not_supported(estimator: Any, place: str, setting: str) -> VerificationRefused:
    """The refusal that names a setting of a class that is supported otherwise."""
    return VerificationRefused(
        f"{place}, a {type(estimator).__name__}, has {setting}, which has no converter",
        hint="leave the setting at its default",
    )
