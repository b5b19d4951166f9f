"""Measurements of a race that never was."""

from typing import Any


def sample(per_second: float = 1000.0, *, p50: float = 0.1, p99: float = 1.0, most: float = 1.5, rss: float = 80.0,
           cold: float = 200.0) -> dict[str, Any]:  # fmt: skip
    load = {"per_second": per_second, "p50_ms": p50, "p99_ms": p99, "max_ms": most, "requests": 2000, "refused": 0}
    return {"load": load, "cpu_us": 20.0, "rss_mb": rss, "cold_ms": cold, "others": 0.05}


def speeds(**servers: float) -> dict[str, list[dict[str, Any]]]:
    """Servers with one sample each."""
    return {name: [sample(per_second)] for name, per_second in servers.items()}
