"""docs/metrics.md and what workers really tell: the same names, types and labels, in one scheme."""

import ast
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.docs.pages import DOCS, ROOT
from tests.serving.conftest import CUSTOMER, FLOWER
from tests.serving.process import serving
from towpath.serving.routing.routed import MAINTENANCE, PAUSED
from towpath.serving.service import BUSY, FAILED, NO_MODEL, NOT_FINITE, QUARANTINED

NAME = re.compile(r"towpath(?:_[a-z]+)+")
QUERY = re.compile(r"^\| [^|]+ \| `(.*)` \|$", re.MULTILINE)
PARTS = ("_bucket", "_sum", "_count")  # of a histogram
UNITS = ("_seconds", "_bytes", "_rows")
PROMTOOL = pytest.mark.skipif(not shutil.which("promtool"), reason="there is no promtool: apt-get install prometheus")


class Metric(NamedTuple):
    name: str
    kind: str
    labels: frozenset[str]


def page() -> str:
    return (DOCS / "metrics.md").read_text(encoding="utf-8")


def rows() -> dict[Metric, str]:
    """The table: each metric, and the option that it is told with."""
    lines = [line for line in page().splitlines() if line.startswith("| `towpath_")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    words = re.compile(r"`(\w+)`")
    found = {
        Metric(name.strip("`"), kind, frozenset(words.findall(labels))): option
        for name, kind, labels, option, _ in cells
    }
    assert len({metric.name for metric in found}) == len(lines), "each name has one row"
    return found


@pytest.fixture(scope="module")
def exposition(bundles: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> str:
    """What a worker tells that has a prediction log, and has been asked something by way of each endpoint."""
    log = tmp_path_factory.mktemp("log")
    with serving(bundles["iris"], bundles["bankchurn"], bundles["sentiment"], "--log", log) as worker:
        for path, value in {"/iris": FLOWER, "/bankchurn": CUSTOMER, "/sentiment": {"text": "good"}}.items():
            assert worker.post(f"{path}/predict", value).status == 200
            worker.post(f"{path}/explain", {})
            worker.post(f"{path}/nowhere", {})
        return worker.get("/metrics").body.decode()


def told(exposition: str) -> set[Metric]:
    kinds = dict(re.findall(r"^# TYPE (\w+) (\w+)$", exposition, re.MULTILINE))
    labels: dict[str, set[frozenset[str]]] = {}
    for name, written in re.findall(r"^(towpath_\w+)(?:\{(.*)\})? \S+$", exposition, re.MULTILINE):
        own = re.sub("|".join(f"{part}$" for part in PARTS), "", name)
        family = own if kinds.get(own) == "histogram" else name
        found = frozenset(re.findall(r'(\w+)="', written)) - ({"le"} if kinds[family] == "histogram" else set())
        labels.setdefault(family, set()).add(found)
    assert all(len(ways) == 1 for ways in labels.values()), "every series of a metric has the same labels"
    return {Metric(name, kind, next(iter(labels[name]))) for name, kind in kinds.items()}


@pytest.mark.integration
def test_the_page_has_just_what_a_worker_tells_with_its_type_and_labels(exposition):
    page_has = {metric for metric, option in rows().items() if option in ("", "`--log`")}

    assert len(page_has) > 25 and told(exposition) == page_has


@pytest.mark.integration
def test_several_workers_tell_the_same_and_how_many_they_are(bundles, tmp_path):
    with serving(bundles["iris"], "--log", tmp_path, "--workers", "2") as worker:
        assert worker.post("/predict", FLOWER).status == 200
        together = told(worker.get("/metrics").body.decode())
    page_has = {metric for metric, option in rows().items() if option in ("", "`--log`", "`--workers`")}
    own = {metric for metric in page_has if metric.name.startswith("towpath_process_")}

    assert together == page_has - own | {Metric(name, kind, labels | {"worker"}) for name, kind, labels in own}


def test_every_metric_that_the_code_names_is_on_the_page_and_no_other():
    named = {name for name in _constants() if NAME.fullmatch(name) and not name.endswith(PARTS)}
    on_page = {metric.name for metric in rows()}

    assert {name for name in named if not name.endswith("_")} == on_page


def test_every_kind_of_error_is_on_the_page():
    kinds = {NO_MODEL.code, QUARANTINED.code, BUSY.code, FAILED, NOT_FINITE, PAUSED, MAINTENANCE}
    [row] = [line for line in page().splitlines() if line.startswith("| `towpath_errors_total`")]

    assert kinds <= set(re.findall(r"`(\w+)`", row))


@pytest.mark.parametrize("metric", sorted(rows()), ids=lambda metric: metric.name)
def test_names_keep_to_one_scheme(metric):
    assert (metric.kind == "counter") is metric.name.endswith("_total")
    assert metric.kind != "histogram" or metric.name.endswith(UNITS)
    assert not re.search("milli|minutes|hours|percent|kilo|mega|_ms|_kb", metric.name)
    assert not metric.labels & {"le", "quantile", "job", "instance", *PARTS}


@pytest.mark.integration
@PROMTOOL
def test_promtool_finds_nothing_to_say_about_what_a_worker_tells(exposition):
    checked = subprocess.run(["promtool", "check", "metrics"], input=exposition, capture_output=True, text=True)

    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


@PROMTOOL
def test_promtool_understands_every_query_of_the_page(tmp_path):
    queries = QUERY.findall(page())
    rules = "".join(
        f"      - record: towpath:query{i}\n        expr: |\n          {one}\n" for i, one in enumerate(queries)
    )
    (tmp_path / "rules.yml").write_text(f"groups:\n  - name: towpath\n    rules:\n{rules}")
    checked = subprocess.run(["promtool", "check", "rules", "rules.yml"], cwd=tmp_path, capture_output=True, text=True)

    assert checked.returncode == 0 and len(queries) > 5, checked.stdout + checked.stderr
    named = {re.sub("_bucket$", "", name) for query in queries for name in NAME.findall(query)}
    assert named <= {metric.name for metric in rows()}


def _constants() -> Iterator[str]:
    for path in (ROOT / "towpath" / "serving").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value
