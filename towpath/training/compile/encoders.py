"""Fitted encoders of categories to features, worked out value by value."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, TargetEncoder

from towpath.core.errors import VerificationRefused
from towpath.training.compile.features import Feature, Mark, Value, is_missing, listed


def one_hot(encoder: OneHotEncoder, features: list[Feature], place: str) -> list[Feature]:
    """One feature for each category that is not dropped: 1.0 for it, 0.0 for all others."""
    made: list[Feature] = []
    for i, feature in enumerate(features):
        positions = listed(feature, _values(encoder, i)).map(_position(encoder, i, place))
        made += [positions.map(_equals(float(position))) for position in _kept(encoder, i)]
    return made


def ordinal(encoder: OrdinalEncoder, features: list[Feature], place: str) -> list[Feature]:
    """One feature for each: the category's position in the encoder's own order."""
    return [listed(feature, _values(encoder, i)).map(_code(encoder, i, place)) for i, feature in enumerate(features)]


def target(encoder: TargetEncoder, features: list[Feature], place: str) -> list[Feature]:
    """The shrunk mean of the target for each category, of several classes one for each; elsewhere the target's mean."""
    classes = len(encoder.classes_) if encoder.target_type_ == "multiclass" else 1
    means = np.atleast_1d(np.asarray(encoder.target_mean_, dtype=np.float64))
    made: list[Feature] = []
    for i, feature in enumerate(features):
        positions = listed(feature, _values(encoder, i))
        for c in range(classes):
            codes = {
                _key(value): float(code)
                for value, code in zip(_values(encoder, i), encoder.encodings_[i * classes + c], strict=True)
            }
            made.append(positions.map(_found(codes, float(means[c]))))
    return made


def _found(codes: dict[Value | None, float], other: float) -> Callable[[Value], Value]:
    return lambda value: value if value is Mark.REFUSED else codes.get(_key(value), other)


def _values(encoder: Any, i: int) -> list[Value]:
    return [_plain(category) for category in encoder.categories_[i]]


def _plain(category: Any) -> Value:
    if category is None or category != category:
        return float("nan")
    return category if isinstance(category, str) else float(category)


def _position(encoder: OneHotEncoder, i: int, place: str) -> Callable[[Value], Value]:
    """Value to position after rare categories are put together; NaN for a value that gets no 1.0 at all."""
    known, unknown = _known(encoder, i, place), _unknown_one_hot(encoder, i)
    return lambda value: value if value is Mark.REFUSED else known.get(_key(value), unknown)


def _unknown_one_hot(encoder: OneHotEncoder, i: int) -> Value:
    if encoder.handle_unknown == "error":
        return Mark.REFUSED
    rare = _rare(encoder, i)
    if encoder.handle_unknown == "ignore" or rare is None:
        return float("nan")
    return float(rare.max())  # the rare ones together are the last category


def _kept(encoder: OneHotEncoder, i: int) -> list[int]:
    rare = _rare(encoder, i)
    count = len(encoder.categories_[i]) if rare is None else int(rare.max()) + 1
    dropped = encoder._drop_idx_after_grouping
    return [position for position in range(count) if dropped is None or position != dropped[i]]


def _equals(position: float) -> Callable[[Value], Value]:
    return lambda value: value if value is Mark.REFUSED else float(value == position)


def _code(encoder: OrdinalEncoder, i: int, place: str) -> Callable[[Value], Value]:
    known = _known(encoder, i, place)
    if None in known:
        known[None] = float(encoder.encoded_missing_value)
    unknown = float(encoder.unknown_value) if encoder.handle_unknown == "use_encoded_value" else Mark.REFUSED
    return lambda value: value if value is Mark.REFUSED else known.get(_key(value), unknown)


def _known(encoder: Any, i: int, place: str) -> dict[Value | None, Value]:
    """Category to position; a missing value is the key None."""
    rare, values = _rare(encoder, i), _values(encoder, i)
    if sum(is_missing(value) for value in values) > 1:
        raise VerificationRefused(
            f"{place} learned None and NaN as two categories", hint="use one of them for missing values"
        )
    return {_key(value): float(position if rare is None else rare[position]) for position, value in enumerate(values)}


def _key(value: Value) -> Value | None:
    return None if is_missing(value) else value


def _rare(encoder: Any, i: int) -> np.ndarray | None:
    """Position to position with rare categories together, where the encoder does so."""
    mappings: Sequence[np.ndarray | None] = (
        encoder._default_to_infrequent_mappings if encoder._infrequent_enabled else ()
    )
    return mappings[i] if mappings else None
