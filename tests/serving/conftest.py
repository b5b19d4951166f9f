"""Workers that several tests share, started once."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serving.process import Running, serving
from tests.serving.raw import Listening, listening

CUSTOMER = {
    "CreditScore": 650, "Geography": "France", "Gender": "Female", "Age": 40, "Tenure": 3, "Balance": 60000,
    "NumOfProducts": 2, "HasCrCard": 1, "IsActiveMember": 1, "EstimatedSalary": 50000,
}  # fmt: skip
FLOWER = {"features": [5.1, 3.5, 1.4, 0.2]}


@pytest.fixture(scope="session")
def bankchurn(bundles: dict[str, Path]) -> Iterator[Running]:
    with serving(bundles["bankchurn"]) as worker:
        yield worker


@pytest.fixture(scope="session")
def three(bundles: dict[str, Path]) -> Iterator[Running]:
    """Three services in one worker, each under its name."""
    with serving(*(bundles[name] for name in ("iris", "bankchurn", "sentiment"))) as worker:
        yield worker


@pytest.fixture
def customer() -> dict[str, object]:
    return dict(CUSTOMER)


@pytest.fixture(scope="module")
def edge() -> Iterator[Listening]:
    """An edge that echoes, for the tests of one file."""
    with listening() as listener:
        yield listener
