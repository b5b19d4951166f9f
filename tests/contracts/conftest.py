"""One worker for each of the seven services, shared by all contract tests."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serving.process import Running, serving


@pytest.fixture(scope="session")
def workers(bundles: dict[str, Path]) -> Iterator[dict[str, Running]]:
    with contextlib.ExitStack() as stack:
        yield {name: stack.enter_context(serving(path)) for name, path in bundles.items()}
