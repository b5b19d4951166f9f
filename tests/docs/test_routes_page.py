"""docs/routes.md has every key, every code and every metric of routes."""

import re
from pathlib import Path

import pytest

from tests.docs.pages import DOCS
from tests.docs.test_metrics_page import rows, told
from tests.serving.conftest import CUSTOMER
from tests.serving.process import serving
from tests.serving.routed import site
from towpath.core import acknowledged, routes
from towpath.core.routes import Shadow
from towpath.core.settings import Overrides

RECORDS = [
    routes.Routes, routes.Revision, routes.Share, routes.HeaderRule, routes.Shadow, routes.Sticky, routes.Mode,
    Overrides, acknowledged.Acknowledgement, acknowledged.Acknowledged,
]  # fmt: skip


@pytest.fixture(scope="module")
def words() -> set[str]:
    return set(re.findall(r"`([^`\n]+)`", (DOCS / "routes.md").read_text(encoding="utf-8")))


@pytest.mark.parametrize("record", RECORDS, ids=[record.__name__ for record in RECORDS])
def test_every_key_is_explained(words, record):
    assert [name for name in record.__struct_fields__ if name not in words] == []


def test_every_code_is_explained(words):
    assert [code for code in routes.CODES if code not in words] == []


def test_every_mode_is_explained(words):
    assert {"live", "paused", "maintenance"} <= words


@pytest.mark.integration
def test_a_worker_with_routes_tells_the_metrics_that_are_told_of_it(bundles: dict[str, Path], tmp_path: Path):
    here = site(tmp_path, bundles["bankchurn"])
    here.write({7: 100}, also=(8,), shadows=(Shadow(8, 10.0),))
    with serving("--routes", here.path, "--log", tmp_path / "log") as worker:
        assert worker.post("/predict", CUSTOMER).status == 200
        found = told(worker.get("/metrics").body.decode())

    assert found == {metric for metric, option in rows().items() if option in ("", "`--log`", "`--routes`")}
