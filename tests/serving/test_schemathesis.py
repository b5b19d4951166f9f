"""The real Schemathesis makes requests from our descriptions, good ones and bad ones, and judges the replies."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bundles import SERVICES
from tests.serving.process import Running, serving

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.tool("schemathesis")]

EXAMPLES = 15  # for each operation, beside those at every edge of the schema
# Redirects are judged themselves: what stands at their ends is a page for people, and none of the API.
HOW = ["--phases", "examples,coverage,fuzzing", "--seed", "42", "--max-redirects", "0", "--no-color", "--max-examples"]
# JSON Schema bounds numbers, not the strings that hold them, so "0" keeps to a schema whose minimum is 1.
UNTOLD = "positive_data_acceptance"
# Fields without an upper bound before a linear model: of 1e308 in each it gives a score that is not finite, a 500.
OVERFLOWS = ("ml-api",)


@pytest.fixture(scope="module")
def seven(bundles: dict[str, Path]) -> Iterator[Running]:
    with serving(*bundles.values()) as worker:
        yield worker


def schemathesis(tool: Path, *words: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [tool / "schemathesis", "run", *words, "--checks", "all", *HOW, EXAMPLES]
    return subprocess.run([*map(str, command)], cwd=cwd, capture_output=True, text=True, timeout=300)


@pytest.mark.parametrize("service", SERVICES)
def test_every_reply_to_whatever_schemathesis_sends_is_as_described(tool, seven, service, tmp_path):
    address = f"http://127.0.0.1:{seven.port}/{service}/openapi.json"
    excluded = [UNTOLD] * takes_numeric_strings(seven, service) + ["not_a_server_error"] * (service in OVERFLOWS)
    run = schemathesis(tool, address, *([f"--exclude-checks={','.join(excluded)}"] if excluded else []), cwd=tmp_path)

    assert run.returncode == 0, run.stdout
    assert int(re.search(r"(\d+) generated", run.stdout)[1]) > 200 and "11 selected / 11 total" in run.stdout
    failed = f'towpath_errors_total{{service="{service}",kind="failed"}}'
    assert seven.metrics(failed) == {failed: 0}


def test_a_description_that_is_wrong_is_found_out(tool, seven, tmp_path):
    described = seven.get("/sentiment/openapi.json").json()
    described["components"]["schemas"]["Answer"] = {"type": "array"}
    (tmp_path / "wrong.json").write_text(json.dumps(described))
    run = schemathesis(tool, "wrong.json", "--url", f"http://127.0.0.1:{seven.port}", cwd=tmp_path)

    assert run.returncode == 1 and 'is not of type "array"' in run.stdout


def takes_numeric_strings(worker: Running, service: str) -> bool:
    record = worker.get(f"/{service}/openapi.json").json()["components"]["schemas"]["Record"]
    return '["number", "string"]' in json.dumps(record) or '["integer", "string"], "pattern"' in json.dumps(record)
