"""Rows of a frame as a client would send them: a frame holds nothing but floats and strings."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from towpath.core.contract import Field


def plain(frame: pd.DataFrame) -> pd.DataFrame:
    """The same rows with None where a value is missing, as JSON has it."""
    return frame.astype(object).where(frame.notna(), None)


def sendable(field: Field, row: Mapping[Any, Any]) -> Any:
    """A field's value in a row of such a frame, of the type that the field declares."""
    if field.names:
        return [row[name] for name in field.names]
    value = row[field.name]
    if value is None or field.type not in ("boolean", "integer"):
        return value
    return bool(value) if field.type == "boolean" else int(value)
