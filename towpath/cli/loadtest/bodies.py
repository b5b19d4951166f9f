"""What a load test sends: lines of a file, the golden records of a bundle, or records made from a JSON Schema."""

import json
import math
import random
import re
import sys
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from towpath.bundle.read import read_bundle
from towpath.core.errors import InfrastructureError, UsageError

MADE = 200  # different bodies in rotation: one same row would flatter every cache and every branch predictor
MOST = 10_000  # bodies of a file that are held
SEED = 42
WORDS = ("a", "great", "story", "with", "slow", "parts", "and", "one", "truly", "awful", "scene", "nobody", "misses")
DEEPEST = 8  # schemas within schemas; one that refers to itself ends there


def from_file(path: str) -> list[bytes]:
    """Bodies of a file, `-` for stdin: one JSON value a line, or the whole file as one. Raises UsageError."""
    lines = _lines(path)
    if not lines:
        raise UsageError(f"{_called(path)} is empty", hint='a JSON value a line is meant, such as {"text": "great"}')
    faulty = next((number for number, line in enumerate(lines, 1) if not _is_json(line)), 0)
    if not faulty:
        return lines
    whole = b"\n".join(lines)
    if _is_json(whole):
        return [json.dumps(json.loads(whole)).encode()]
    raise UsageError(
        f"{_called(path)}: line {faulty} is not JSON: {lines[faulty - 1][:80].decode(errors='replace')}",
        hint='a JSON value a line is meant, such as {"text": "great"}',
    )


def from_bundle(path: Path) -> tuple[str, list[bytes]]:
    """The service of a bundle and its golden records: typical ones and edges, valid all of them."""
    bundle = read_bundle(path)
    return bundle.contract.service, [json.dumps(row.record).encode() for row in bundle.golden()]


def from_schema(schema: Mapping[str, Any], described: Mapping[str, Any]) -> list[bytes]:
    """Different bodies that fit a JSON Schema of an OpenAPI description; the same ones every time."""
    maker = Maker(described, random.Random(SEED))
    return [json.dumps(maker.make(schema)).encode() for _ in range(MADE)]


class Maker:
    """Makes values that fit schemas, as far as types, limits and choices say; patterns are taken from examples."""

    def __init__(self, described: Mapping[str, Any], chance: random.Random):
        self._described, self._chance = described, chance

    def make(self, schema: Any, example: Any = None, depth: int = 0) -> Any:
        """A value of a schema; one made for an example stays near it where the schema leaves all open."""
        schema = self._resolved(schema)
        if depth > DEEPEST or not isinstance(schema, Mapping):
            return example
        example = next(iter(schema.get("examples") or ()), schema.get("example", schema.get("default", example)))
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self._chance.choice([one for one in schema["enum"] if one is not None] or [None])
        for choice in ("anyOf", "oneOf"):
            if choice in schema:
                kinds = [one for one in schema[choice] if self._resolved(one).get("type") != "null"]
                return self.make(kinds[0] if kinds else {}, example, depth + 1)
        if "allOf" in schema:
            return self.make({name: value for part in schema["allOf"] for name, value in self._resolved(part).items()})
        return self._of_type(schema, example, depth)

    def _resolved(self, schema: Any) -> Any:
        """What a reference of the same document leads to."""
        for _ in range(DEEPEST):
            if not isinstance(schema, Mapping) or "$ref" not in schema:
                break
            found: Any = self._described
            for part in str(schema["$ref"]).removeprefix("#/").split("/"):
                found = found.get(part, {}) if isinstance(found, Mapping) else {}
            schema = found
        return schema

    def _of_type(self, schema: Mapping[str, Any], example: Any, depth: int) -> Any:
        kinds = schema.get("type", "object" if "properties" in schema else "")
        kind = next((one for one in kinds if one != "null"), "null") if isinstance(kinds, list) else kinds
        match kind:
            case "object":
                known = example if isinstance(example, Mapping) else {}
                properties = schema.get("properties", {})
                return {name: self.make(one, known.get(name), depth + 1) for name, one in properties.items()}
            case "array":
                return [self.make(schema.get("items", {}), None, depth + 1) for _ in range(_length(schema, example))]
            case "integer" | "number":
                return self._number(schema, kind == "integer", example)
            case "boolean":
                return self._chance.random() < 0.5
            case "string":
                return self._text(schema, example)
        return example

    def _number(self, schema: Mapping[str, Any], whole: bool, example: Any) -> float:
        low = schema.get("minimum", schema.get("exclusiveMinimum"))
        high = schema.get("maximum", schema.get("exclusiveMaximum"))
        near = abs(example) if isinstance(example, int | float) and example else 1.0
        if low is None and high is None:
            low, high = -near, near
        elif high is None:
            high = low + max(2.0, near) * 10 ** self._chance.uniform(0.0, 3.0)  # sizes of any order
        elif low is None:
            low = high - max(2.0, near) * 10 ** self._chance.uniform(0.0, 3.0)
        drawn = self._chance.uniform(low, high)
        if not whole:
            return short if low < (short := round(drawn, 3)) < high else drawn
        within = (math.ceil(low) + ("exclusiveMinimum" in schema), math.floor(high) - ("exclusiveMaximum" in schema))
        return min(max(round(drawn), within[0]), within[1])

    def _text(self, schema: Mapping[str, Any], example: Any) -> str:
        words = [self._chance.choice(WORDS) for _ in range(self._chance.randint(3, 20))]
        fewest, most = schema.get("minLength", 1), schema.get("maxLength", 10_000)
        made = " ".join(words).ljust(fewest, "x")[:most]
        return example if isinstance(example, str) and not _fits(made, schema) else made


def _fits(text: str, schema: Mapping[str, Any]) -> bool:
    """Whether it has the pattern asked for, as far as Python can read it; a format is left to examples."""
    try:
        return "format" not in schema and bool(re.search(schema.get("pattern", ""), text))
    except re.error:
        return False


def _length(schema: Mapping[str, Any], example: Any) -> int:
    usual = len(example) if isinstance(example, list) and example else 3
    return min(max(usual, schema.get("minItems", 0)), schema.get("maxItems", usual))


def _lines(path: str) -> list[bytes]:
    """Those that are not blank. Raises InfrastructureError."""
    try:
        if path == "-":
            return list(islice(filter(None, map(bytes.strip, sys.stdin.buffer)), MOST))
        with Path(path).open("rb") as file:
            return list(islice(filter(None, map(bytes.strip, file)), MOST))
    except OSError as error:
        raise InfrastructureError(f"{path}: {error.strerror}", hint="--body names a file of JSON lines") from error


def _is_json(text: bytes) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _called(path: str) -> str:
    return "stdin" if path == "-" else path
