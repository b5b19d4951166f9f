"""towpath bundle: what is in a bundle."""

from typing import Any

import click
import msgspec

from towpath.bundle.read import Bundle, read_bundle
from towpath.cli.bundle_diff import diff
from towpath.cli.layout import columns, measured, short, size
from towpath.cli.packed import find_bundle
from towpath.cli.project import bundle_argument
from towpath.cli.session import Noun, Result, Session
from towpath.core import manifest
from towpath.core.contract import Field


@click.group(cls=Noun)
def bundle() -> None:
    """Bundles: immutable folders that can be served, each named by the digest of its manifest."""


bundle.add_command(diff)


@bundle.command(epilog="Example: towpath bundle inspect bankchurn --card")
@bundle_argument
@click.option("--card", is_flag=True, help="Print the model card instead.")
@click.pass_obj
def inspect(session: Session, bundle: str, card: bool) -> Result:
    """Show what a bundle takes, answers and holds, how good it is and what it learnt from; every byte is checked."""
    found = read_bundle(find_bundle(session, bundle))
    if card:
        text = found.files[manifest.CARD].decode()
        return Result({"card": text}, text.rstrip())
    return Result(as_data(found), "\n".join(described(found)))


def described(found: Bundle) -> list[str]:
    data, contract = found.data(), found.contract
    about = [
        ("id", found.id),
        ("predicts", f"{contract.task.target} ({contract.task.kind})"),
        *([("threshold", f"{found.settings.threshold:.4f}")] if contract.task.kind == "binary" else []),
        ("learnt from", f"{data.split.train_rows} of {data.rows} {data.origin} rows"),
        *measured(found.evaluation()),
    ]
    return [
        f"{contract.service}, bundle:{short(found.id)} in {found.path}",
        columns(about, "  "),
        "takes",
        columns(((field.name, takes(field)) for field in contract.record), "  "),
        "answers",
        columns(((entry.name, words(entry.item)) for entry in contract.answer), "  "),
        "holds",
        columns(((name, size(entry.size), short(entry.sha256)) for name, entry in found.manifest.files.items()), "  "),
    ]


def takes(field: Field) -> str:
    """`integer, ge 300, le 850`"""
    kind = f"vector of {', '.join(field.names)}" if field.names else field.type
    parts = [kind, *(f"{keyword} {limit:g}" for keyword, limit in field.bounds().items())]
    parts += ["one of " + " ".join(map(str, field.choices))] if field.choices else []
    parts += ["or missing"] if field.nullable else []
    return ", ".join([*parts, *([f"role {field.role}"] if field.role != "feature" else [])])


def words(item: msgspec.Struct) -> str:
    """`band of churn`"""
    given = msgspec.to_builtins(item)
    return f"{given['give']} of {given['of']}" if "of" in given else str(given["give"])


def as_data(found: Bundle) -> dict[str, Any]:
    return {
        "id": found.id,
        "path": str(found.path),
        "manifest": msgspec.to_builtins(found.manifest),
        "contract": msgspec.to_builtins(found.contract),
        "settings": msgspec.to_builtins(found.settings),
        "evaluation": msgspec.to_builtins(found.evaluation()),
        "data": msgspec.to_builtins(found.data()),
    }
