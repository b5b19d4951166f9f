"""Growth by the number of bundles: the line, and how well it fits."""

import pytest

from bench.routes import COUNTS, broken, fits, table


def rows(grow) -> list[dict[str, float]]:
    swaps = {f"{kind}_{what}_ms": 20.0 for kind in ("warm", "cold") for what in ("acknowledged", "answered")}
    return [{"bundles": n, "megabytes": grow(n), "start_seconds": 0.3 + 0.01 * n} | swaps for n in COUNTS]


def test_a_straight_line_is_told_by_what_each_bundle_adds():
    found = fits(rows(lambda count: 72.0 + 0.8 * count))

    assert found == pytest.approx(
        {"megabytes_a_bundle": 0.8, "megabytes_r2": 1.0, "start_seconds_a_bundle": 0.01, "start_seconds_r2": 1.0}
    )
    assert broken(found) == []


def test_growth_by_the_square_is_no_straight_line():
    found = fits(rows(lambda count: 72.0 + 0.01 * count**2))

    assert broken(found)[0].startswith("megabytes grows")


def test_the_table_has_a_line_for_each_number_of_bundles():
    assert len(table(rows(float)).splitlines()) == 1 + len(COUNTS)
