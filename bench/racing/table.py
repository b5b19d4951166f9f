"""The measurements as a table, in Markdown: a line for each case and server."""

from collections.abc import Iterator

from bench.racing.verdicts import Cases, Servers, median, values

TITLES = (
    "case",
    "server",
    "requests/s",
    "p50 ms",
    "p99 ms",
    "max ms",
    "CPU us",
    "RSS MB",
    "start ms",
    "others %",
    "not 2xx",
)


def rows(cases: Cases) -> Iterator[tuple[str, ...]]:
    for case, servers in cases.items():
        for name in servers:
            yield (case, name, *_figures(servers, name))


def markdown(cases: Cases) -> str:
    lines = [TITLES, ("---",) * len(TITLES), *rows(cases)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _figures(servers: Servers, name: str) -> tuple[str, ...]:
    speeds = values(servers, name, "load", "per_second")
    return (
        f"{median(servers, name, 'load', 'per_second'):,.0f} [{min(speeds):,.0f}-{max(speeds):,.0f}]",
        f"{median(servers, name, 'load', 'p50_ms'):,.3f}",
        f"{median(servers, name, 'load', 'p99_ms'):,.2f}",
        f"{median(servers, name, 'load', 'max_ms'):,.2f}",
        f"{median(servers, name, 'cpu_us'):,.0f}",
        f"{median(servers, name, 'rss_mb'):,.0f}",
        f"{median(servers, name, 'cold_ms'):,.0f}",
        f"{100 * median(servers, name, 'others'):,.0f}",
        f"{max(values(servers, name, 'load', 'refused')):,.0f}",
    )
