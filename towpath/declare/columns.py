"""The feature columns that build() is given, and the plain scikit-learn encoders made from them."""

from typing import Any, Literal

from msgspec import Struct

from towpath.core.contract import Field

Categories = Literal["one-hot", "ordinal"]
Numbers = Literal["as-is", "scale", "impute", "impute and scale"]


class Columns(Struct, frozen=True):
    """The record's features; a training frame has one column for each name here."""

    fields: tuple[Field, ...]

    @property
    def names(self) -> list[str]:
        return [name for field in self.fields for name in field.columns]

    @property
    def numbers(self) -> list[str]:
        """Columns of numbers, a vector's positions among them."""
        return [name for field in self.fields if field.type != "string" and not field.choices for name in field.columns]

    @property
    def categories(self) -> list[str]:
        """Columns of categories: closed choices and open strings."""
        return [field.name for field in self.fields if field.type == "string" or field.choices]

    def encode(self, *, categories: Categories = "one-hot", numbers: Numbers = "as-is") -> Any:
        """A ColumnTransformer over all feature columns, numbers first.

        Closed choices are encoded in their declared order, so that a category absent from the training rows has its
        place too; open strings in alphabetical order of the training rows. scikit-learn's own encoders work as well.
        """
        from sklearn.compose import ColumnTransformer

        steps = [
            ("numbers", _numbers(numbers), self.numbers),
            ("categories", self._categories(categories), self.categories),
        ]
        return ColumnTransformer([step for step in steps if step[2]], verbose_feature_names_out=False)

    def _categories(self, how: Categories) -> Any:
        from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder

        closed = {field.name: list(field.choices) for field in self.fields if field.choices}
        listed: Any = (
            [closed[name] for name in self.categories] if all(name in closed for name in self.categories) else "auto"
        )
        if how == "one-hot":
            return OneHotEncoder(categories=listed, handle_unknown="ignore", sparse_output=False)
        return OrdinalEncoder(categories=listed, handle_unknown="use_encoded_value", unknown_value=-1)


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
