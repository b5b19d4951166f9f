"""Whatever a user can write, set, ask for or meet has its place on a page."""

import ast
import inspect
import re
import typing
from pathlib import Path

import pytest

from tests.docs.pages import DOCS, ROOT, pages, prose
from towpath import declare
from towpath.core import (
    contract,
    evaluation,
    golden,
    lineage,
    manifest,
    measures,
    plan,
    project,
    quality,
    settings,
    sketch,
)
from towpath.core.style import Health
from towpath.declare import columns
from towpath.engine.text import TextContent, Vocabulary
from towpath.serving.app import App
from towpath.serving.model import open_model
from towpath.serving.service import Service
from towpath.serving.telemetry import Telemetry, observe_process

VARIABLE = re.compile(r"\bTOWPATH_[A-Z_]+\b")
STRUCTS = [
    contract.Contract, contract.Task, evaluation.Backtest, evaluation.Baseline, evaluation.CalibrationBin,
    evaluation.Delta, evaluation.Evaluation, evaluation.Fairness, evaluation.GateResult, evaluation.GroupRates,
    evaluation.Metric, evaluation.ParityResult, evaluation.Segment, evaluation.Segments, evaluation.SliceMetric,
    evaluation.IntervalCoverage, evaluation.Spread, lineage.RowFilter, plan.PredictionInterval,
    measures.Measure, golden.GoldenRow, lineage.DataLineage, lineage.Source,
    lineage.Split, manifest.Entry, manifest.Manifest, plan.Column, plan.Encode, plan.Finish, plan.Graph, plan.Plan,
    plan.Text, quality.DataQuality, quality.RuleResult, settings.Settings, sketch.Reference, sketch.Sketch, TextContent,
    Vocabulary,
]  # fmt: skip


def page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def code(text: str) -> str:
    """Only what stands in backticks, or in blocks."""
    return "\n".join(re.findall(r"```.*?```|`[^`\n]+`", text, re.DOTALL))


def missing(words: typing.Iterable[str], text: str) -> list[str]:
    return [word for word in words if not re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text)]


# --- what a user writes


def test_every_word_of_the_declaration_is_explained():
    assert missing(declare.__all__, code(page("declare.md"))) == []


def test_every_argument_of_a_service_is_explained():
    given = [name for name in inspect.signature(declare.Service).parameters if name not in ("name", "record")]

    assert missing(given, page("declare.md")) == []


def test_every_field_of_health_is_named():
    fields = typing.get_args(typing.get_args(typing.get_type_hints(Health)["fields"])[0])

    assert len(fields) > 1
    assert missing(fields, page("declare.md")) == []


def test_every_quality_rule_has_its_row():
    rows = re.findall(r"^\| (Q\d\d) \| ([^|]+) \|", page("data.md"), re.MULTILINE)

    assert rows == list(quality.RULES.items())


def test_every_way_to_encode_columns_is_explained():
    ways = [
        f'{kind}="{way}"'
        for kind, known in (("categories", columns.Categories), ("numbers", columns.Numbers))
        for way in typing.get_args(known)
    ]

    assert [way for way in ways if f"`{way}`" not in page("declare.md")] == []


# --- what a user sets


def test_every_setting_of_a_project_has_its_paragraph():
    example = page("settings.md").split("```toml")[1].split("```")[0]

    for name in ["format", *project.ProjectSettings.__struct_fields__]:
        below = rf"^# .+\n(?:{name} = |\[{name}\])"
        assert re.search(below, example, re.MULTILINE), f"{name} stands without a comment above it"


def test_every_environment_variable_has_its_row():
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "towpath").rglob("*.py")]
    read = {name for source in sources for name in VARIABLE.findall(source)} | {"PORT", "NO_COLOR"}

    assert [name for name in sorted(read) if f"| `{name}` |" not in page("settings.md")] == []


# --- what a bundle holds


def test_every_file_of_a_bundle_has_its_section():
    headings = re.findall(r"^### `(.+)`$", page("bundle.md"), re.MULTILINE)

    assert sorted(headings) == sorted(manifest.ALLOWED | {manifest.NAME})


def test_every_field_of_a_bundles_files_is_explained():
    fields = {field for struct in STRUCTS for field in struct.__struct_fields__}

    assert missing(sorted(fields), code(page("bundle.md"))) == []


def test_every_link_and_every_reason_of_a_golden_row_is_explained():
    assert missing(typing.get_args(plan.Link), code(page("bundle.md"))) == []
    assert missing(typing.get_args(golden.Why), code(page("bundle.md"))) == []


# --- what a worker says


@pytest.fixture
def app(bundles) -> App:
    """Iris under its name, as a worker serves it beside another service."""
    telemetry = Telemetry()
    observe_process(telemetry, 0.0)
    service = Service("iris", telemetry, "/iris")
    service.install(open_model(bundles["iris"], lambda turn: turn()))
    return App([service, Service("other", telemetry, "/other")], telemetry)


def test_every_endpoint_has_its_row(app):
    rows = [line for line in page("serving.md").splitlines() if line.startswith(("| GET", "| POST"))]
    routes = [(method.decode(), as_told(path.decode())) for method, path in app.routes() if b"/other" not in path]

    assert len(routes) > 20
    assert [f"{method} {path}" for method, path in routes if not told(rows, method, path)] == []


def as_told(path: str) -> str:
    """`/v2/models/{service}/infer`; what is under the service's name is told without it."""
    own = path.removeprefix("/iris") or "/"
    return own.replace("/iris", "/{service}")


def told(rows: list[str], method: str, path: str) -> bool:
    return any(row.startswith(f"| {method} ") and f"`{path}`" in row for row in rows)


def test_every_event_of_the_log_has_its_row():
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in (ROOT / "towpath" / "serving").rglob("*.py")]
    calls = [
        node
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "journal.tell"
    ]
    events = {call.args[0].value for call in calls if isinstance(call.args[0], ast.Constant)}

    assert len(events) > 5
    listed = "".join(page(name) for name in ("serving.md", "workers.md", "routes.md") if (DOCS / name).exists())
    assert [event for event in sorted(events) if f"`{event}`" not in listed] == []


# --- how we say it

# A stage is a step of training, and nothing else: words.md has it.
NEVER = ("artifact", "artefact", "payload", "dto", "replica", "model version")


@pytest.mark.parametrize("path", pages(), ids=[path.name for path in pages()])
def test_one_idea_has_one_word(path: Path):
    used = [word for word in NEVER if re.search(rf"\b{word}s?\b", prose(path), re.IGNORECASE)]

    assert used == [], "docs/words.md has the word for it"


def test_pages_speak_to_users_and_not_of_the_place_they_were_written_at():
    assert [
        path.name for path in pages() if re.search(r"/work/|\bissue \d|\bhelpers?\b", path.read_text(encoding="utf-8"))
    ] == []
