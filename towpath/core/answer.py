"""The answer vocabulary: a closed list of what a reply can say. What each word gives is in towpath.engine.answers."""

from typing import Any, Literal

from msgspec import Struct

Space = Literal["score", "probability", "value"]


class _Item(Struct, frozen=True, tag_field="give", omit_defaults=True, forbid_unknown_fields=True):
    """One thing a reply says."""


class ClassIndex(_Item, frozen=True, tag="class_index"):
    """The position of the most probable class; of two classes, the decision at the threshold."""


class ClassName(_Item, frozen=True, tag="class_name"):
    """The name of the most probable class; `unknown` instead where the model knows nothing of the record."""

    unknown: str | None = None


class Probability(_Item, frozen=True, tag="probability"):
    """The probability of one class, 0 to 1."""

    of: str
    round: int | None = None


class Probabilities(_Item, frozen=True, tag="probabilities"):
    """The probabilities of all classes, in their order or by their names."""

    shape: Literal["list", "dict"] = "list"
    round: int | None = None


class Top(_Item, frozen=True, tag="top"):
    """The largest class probability; `unknown` instead where the model knows nothing of the record."""

    round: int | None = None
    unknown: float | None = None


class Margin(_Item, frozen=True, tag="margin"):
    """How far from undecided: |p - 0.5| * 2, 0 to 1."""

    of: str
    round: int | None = None


class Decide(_Item, frozen=True, tag="decide"):
    """Whether the probability of a class reaches the decision threshold of the settings."""

    of: str
    shape: Literal["int", "bool", "names"] = "bool"
    names: tuple[str, str] = ("no", "yes")


class Band(_Item, frozen=True, tag="band"):
    """The first band whose upper edge lies above the probability; the edges can be overridden in the settings."""

    of: str
    edges: tuple[tuple[str, float], ...]


class Value(_Item, frozen=True, tag="value"):
    """The predicted value of a regression."""

    round: int | None = None


class Interval(_Item, frozen=True, tag="interval"):
    """The prediction interval of a regression as {"low", "high"}: a share `level` of true values lies within such.

    Its width comes from the errors on training rows, each predicted by a model that has not seen it.
    """

    level: float = 0.9
    round: int | None = None


class Contributions(_Item, frozen=True, tag="contributions"):
    """What each field adds to the score; in probability space scaled to add up to p minus base probability."""

    space: Space = "score"
    top: int | None = None
    round: int | None = None


class Constant(_Item, frozen=True, tag="constant"):
    """The same value in every reply."""

    value: Any


class Release(_Item, frozen=True, tag="release"):
    """The release that answered, from the routes; `bundle:<12 hex>` where there is none."""


class Timestamp(_Item, frozen=True, tag="timestamp"):
    """When the answer was made, UTC, `2026-11-21T10:57:22Z`."""


class RequestId(_Item, frozen=True, tag="request_id"):
    """The request's id."""


class Answers(_Item, frozen=True, tag="answers"):
    """Of a batch: the answers, in the order of the records."""


class Count(_Item, frozen=True, tag="count"):
    """Of a batch: how many records it had."""


class BatchId(_Item, frozen=True, tag="batch_id"):
    """Of a batch: its id."""


class Seconds(_Item, frozen=True, tag="seconds"):
    """Of a batch: how long it took, in seconds."""


Item = (
    ClassIndex
    | ClassName
    | Probability
    | Probabilities
    | Top
    | Margin
    | Decide
    | Band
    | Value
    | Interval
    | Contributions
    | Constant
    | Release
    | Timestamp
    | RequestId
)
BatchItem = Answers | Count | BatchId | Seconds | Constant | Release | Timestamp | RequestId


class Answer(Struct, frozen=True, forbid_unknown_fields=True):
    """One named entry of a reply."""

    name: str
    item: Item


class BatchAnswer(Struct, frozen=True, forbid_unknown_fields=True):
    """One named entry of a batch's reply."""

    name: str
    item: BatchItem


_NUMBER = {"type": "number"}
_SHARE = {"type": "number", "minimum": 0, "maximum": 1}
_TEXT = {"type": "string"}


def answer_schema(item: Item | BatchItem, classes: tuple[str, ...]) -> dict[str, Any]:
    """The JSON Schema of what an item gives."""
    match item:
        case ClassIndex():
            return {"type": "integer", "minimum": 0, "maximum": len(classes) - 1}
        case ClassName(unknown=unknown):
            return {"type": "string", "enum": [*classes, *([unknown] if unknown else [])]}
        case Probability() | Margin() | Top():
            return _SHARE
        case Probabilities(shape="list"):
            return {"type": "array", "items": _SHARE, "minItems": len(classes), "maxItems": len(classes)}
        case Probabilities():
            return {"type": "object", "properties": dict.fromkeys(classes, _SHARE), "required": list(classes)}
        case Decide(shape="int"):
            return {"type": "integer", "enum": [0, 1]}
        case Decide(shape="names", names=names):
            return {"type": "string", "enum": list(names)}
        case Decide():
            return {"type": "boolean"}
        case Band(edges=edges):
            return {"type": "string", "enum": [name for name, _ in edges]}
        case Interval():
            return {"type": "object", "properties": {"low": _NUMBER, "high": _NUMBER}, "required": ["low", "high"]}
        case Contributions():
            return {"type": "object", "additionalProperties": _NUMBER}
        case Constant(value=value):
            return {"const": value}
        case Timestamp():
            return {"type": "string", "format": "date-time"}
        case Value() | Seconds():
            return _NUMBER
        case Count():
            return {"type": "integer", "minimum": 0}
        case _:
            return _TEXT
