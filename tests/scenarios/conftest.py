"""One worker for each of the seven services."""

from tests.contracts.conftest import workers

__all__ = ["workers"]
