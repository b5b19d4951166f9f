"""The shape of a JSON value: names and kinds, whatever the values."""

from typing import Any

OPEN = {"feature_contributions"}  # objects whose names are data


def shape(value: Any) -> Any:
    """`{"a": 1, "b": [0.5, 0.2]}` has the shape `{"a": "number", "b": ["number"]}`."""
    if isinstance(value, dict):
        return {name: _of_values(one) if name in OPEN else shape(one) for name, one in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    if isinstance(value, bool):
        return "boolean"
    return "number" if isinstance(value, int | float) else "null" if value is None else "string"


def _of_values(value: dict[str, Any]) -> list[Any]:
    return sorted({str(shape(one)) for one in value.values()})
