"""What bench/workers.py makes of its rounds."""

from bench.workers import Round, broken, summed_up, table


def rounds(cost_of_two: float = 21.0, least: int = 45) -> tuple[list[Round], list[Round], list[Round]]:
    """Microseconds of a request: 15 in a crowd of 32, 20 alone with 16."""
    crowded = [Round([100], 50_000.0, 100 * 15e-6, 0)]
    alone = [Round([100], 40_000.0, 100 * 20e-6, 0)]
    return crowded, alone, [Round([least, 100 - least], 60_000.0, 100 * cost_of_two * 1e-6, 0)]


def test_a_request_is_compared_with_one_worker_that_has_as_many_connections():
    told = summed_up(*rounds(), resident=24_000_000)

    assert told["cost_ratio"] == 1.05 and told["cost_ratio_to_crowded"] == 1.4
    assert told["least_share"] == 0.45 and told["supervisor_megabytes"] == 24.0
    assert list(broken(told)) == [] and "cost_ratio=1.05" in table(told)


def test_what_is_promised_and_missed_is_told():
    dear, uneven = summed_up(*rounds(cost_of_two=23), resident=0), summed_up(*rounds(least=29), resident=0)

    assert list(broken(dear)) == ["MISSED a request costs two workers 1.15 times one worker's, promised is 1.1"]
    assert "one of two workers gets 29%" in next(broken(uneven))
