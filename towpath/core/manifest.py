"""manifest.json: every file of a bundle with size and sha256. The bundle's id is the sha256 of its canonical bytes."""

from msgspec import Struct

from towpath.core import formats

NAME = "manifest.json"
CONTRACT = "contract.json"
PLAN = "plan.json"
SETTINGS = "settings.json"
GOLDEN = "golden.jsonl"
REFERENCE = "reference.json"
EVALUATION = "evaluation.json"
CARD = "card.md"
DATA = "data.json"
LOCK = "requirements.lock"
GRAPH = "graph.onnx"
EXPLAIN = "explain.onnx"
TEXT = "text.json"

REQUIRED = frozenset({CONTRACT, PLAN, SETTINGS, GOLDEN, REFERENCE, EVALUATION, CARD, DATA, LOCK})
ALLOWED = REQUIRED | {GRAPH, EXPLAIN, TEXT}
"""A closed list: nothing that could be run, such as a pickle, has a name in it."""


class Entry(Struct, frozen=True, forbid_unknown_fields=True):
    """One file: its size in bytes and the sha256 of its content."""

    size: int
    sha256: str


class Manifest(Struct, frozen=True, tag_field="format", tag=formats.MANIFEST, forbid_unknown_fields=True):
    """No times, hosts, user names, release or champion: the same data, code and seed give the same id."""

    service: str
    files: dict[str, Entry]


def list_files(service: str, files: dict[str, bytes]) -> Manifest:
    entries = {name: Entry(len(content), formats.digest(content)) for name, content in sorted(files.items())}
    return Manifest(service, entries)


def bundle_id(manifest: Manifest) -> str:
    """64 hexadecimal characters; people are shown the first twelve."""
    return formats.digest(formats.canonical(manifest))
