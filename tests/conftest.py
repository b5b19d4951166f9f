"""What every test gets: one seed, the real data sets where they are at hand, and in CI no silent skip."""

import fcntl
import os
import random
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import hypothesis
import numpy
import pytest

ROOT = Path(__file__).resolve().parent.parent
IN_CI = os.environ.get("TOWPATH_CI") == "1"

# The same examples on every machine: a test that fails in CI fails here.
hypothesis.settings.register_profile("towpath", derandomize=True, deadline=None)
hypothesis.settings.load_profile("towpath")


@pytest.fixture(autouse=True)
def seed() -> int:
    """The seed of this test, TEST_SEED, else SEED, else 42; what draws without one of its own draws from it."""
    chosen = int(os.environ.get("TEST_SEED") or os.environ.get("SEED") or 42)
    random.seed(chosen)
    numpy.random.seed(chosen)
    return chosen


@pytest.fixture
def root() -> Path:
    """The folder of the project."""
    return ROOT


@pytest.fixture(scope="session")
def bundles(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> dict[str, Path]:
    """Service name to the path of its packed bundle; made once, whichever of pytest's workers comes first."""
    from tests.bundles import SERVICES, pack_service, portfolio

    base = tmp_path_factory.getbasetemp()
    shared = (base if worker_id == "master" else base.parent) / "portfolio"
    with _only_one(shared.with_suffix(".lock")):
        paths = {name: next(iter(sorted((shared / "bundles" / name).glob("[0-9a-f]*"))), None) for name in SERVICES}
        return {name: path or pack_service(portfolio(shared), name) for name, path in paths.items()}


@contextmanager
def _only_one(lock: Path) -> Iterator[None]:
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@pytest.fixture
def tool(request: pytest.FixtureRequest) -> Path:
    """The bin folder of the program that the test's `tool` marker names; without it the test is skipped."""
    name = request.node.get_closest_marker("tool").args[0]
    folder = ROOT / ".tools" / name / "bin"
    if not (folder.parent / "made").exists():
        pytest.skip(f"there is no {name} in {folder.parent}: make tools")
    return folder


@pytest.fixture
def real_data() -> Path:
    """The folder with the real data sets; without it the test is skipped, and in CI it fails."""
    folder = os.environ.get("TOWPATH_DATA", "")
    if not folder or not Path(folder).is_dir():
        pytest.skip("TOWPATH_DATA names no folder with the real data sets")
    return Path(folder)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The registry is asked in CI and by who sets TOWPATH_NETWORK=1, so that `make test` passes on a train."""
    if not IN_CI and os.environ.get("TOWPATH_NETWORK") != "1":
        for item in items:
            if item.get_closest_marker("network"):
                item.add_marker(pytest.mark.skip(reason="asks the package registry; TOWPATH_NETWORK=1 runs it"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if IN_CI and report.skipped and not hasattr(report, "wasxfail") and must_run(item, report):
        report.outcome = "failed"
        report.longrepr = f"CI has what this test needs, yet it was skipped: {report.longrepr}"
    return report


def must_run(item: pytest.Item, report: pytest.TestReport) -> bool:
    """Whether CI counts a skip of this test as a failure: it needs what CI has."""
    needs = [name for name in ("browser", "data", "network", "tool") if item.get_closest_marker(name)]
    return bool(needs) or any(said in str(report.longrepr) for said in ("TOWPATH_DATA", "apt-get install"))
