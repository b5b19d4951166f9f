"""The feature columns that build() is given, and the plain scikit-learn encoders made from them."""

from typing import Any, Literal

from msgspec import Struct, structs

from towpath.core.contract import Field
from towpath.core.errors import UsageError
from towpath.declare.derived import Derived

Categories = Literal["one-hot", "ordinal"]
Numbers = Literal["as-is", "scale", "impute", "impute and scale"]


class Columns(Struct, frozen=True):
    """The record's features and the columns derived from them; a training frame has one column for each name here."""

    fields: tuple[Field, ...]
    derived: tuple[Derived, ...] = ()
    left_out: frozenset[str] = frozenset()

    @property
    def names(self) -> list[str]:
        names = [name for field in self.fields for name in field.columns] + [one.name for one in self.derived]
        return self._kept(names)

    @property
    def numbers(self) -> list[str]:
        """Columns of numbers, a vector's positions among them."""
        names = [name for field in self.fields if not _is_category(field) for name in field.columns]
        return self._kept(names + [one.name for one in self.derived if one.kind == "number"])

    @property
    def categories(self) -> list[str]:
        """Columns of categories: closed choices, open strings and derived texts."""
        names = [field.name for field in self.fields if _is_category(field)]
        return self._kept(names + [one.name for one in self.derived if one.kind == "text"])

    def without(self, *names: str) -> "Columns":
        """These columns but for some, such as one that others are derived from. Raises UsageError for unknown names.

        >>> columns.without("model").encode()
        """
        self._known(names)
        return structs.replace(self, left_out=self.left_out | set(names))

    def only(self, *names: str) -> "Columns":
        """Some of these columns, in the record's order. Raises UsageError for unknown names."""
        self._known(names)
        return structs.replace(self, left_out=self.left_out | (set(self.names) - set(names)))

    def encode(self, *, categories: Categories = "one-hot", numbers: Numbers = "as-is") -> Any:
        """A ColumnTransformer over all these columns, numbers first; it drops any other.

        Closed choices are encoded in their declared order, so that a category absent from the training rows has its
        place too; open strings in alphabetical order of the training rows. scikit-learn's own encoders work as well.
        """
        from sklearn.compose import ColumnTransformer

        steps = [
            ("numbers", _numbers(numbers), self.numbers),
            ("categories", self._categories(categories), self.categories),
        ]
        return ColumnTransformer([step for step in steps if step[2]], verbose_feature_names_out=False)

    def _kept(self, names: list[str]) -> list[str]:
        return [name for name in names if name not in self.left_out]

    def _known(self, names: tuple[str, ...]) -> None:
        if unknown := [name for name in names if name not in self.names]:
            raise UsageError(f"there is no column {', '.join(unknown)}", hint=f"there are {', '.join(self.names)}")

    def _categories(self, how: Categories) -> Any:
        from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder

        closed = {field.name: list(field.choices) for field in self.fields if field.choices}
        closed |= {one.name: list(one.choices) for one in self.derived if one.choices}
        listed: Any = (
            [closed[name] for name in self.categories] if all(name in closed for name in self.categories) else "auto"
        )
        if how == "one-hot":
            return OneHotEncoder(categories=listed, handle_unknown="ignore", sparse_output=False)
        return OrdinalEncoder(categories=listed, handle_unknown="use_encoded_value", unknown_value=-1)


def _is_category(field: Field) -> bool:
    return field.type == "string" or bool(field.choices)


def _numbers(how: Numbers) -> Any:
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    match how:
        case "as-is":
            return "passthrough"
        case "scale":
            return StandardScaler()
        case "impute":
            return SimpleImputer(strategy="median")
    return make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
