"""What routes say of themselves."""

from tests.core.routed import routes
from towpath.core.routes import HeaderRule, Shadow, answering, hundredths, shadowing


def test_revisions_that_nobody_is_sent_to_need_not_be_loaded():
    said = routes({7: 100, 8: 0}, also=(4, 5, 6), shadows=(Shadow(5, 1.0),), headers=(HeaderRule("a", "b", 6),))

    assert (answering(said), shadowing(said)) == ({7, 6}, {5})


def test_a_revision_is_called_by_its_service_its_environment_and_its_number():
    assert routes({7: 100}).label(7) == "bankchurn/prod#7"


def test_every_percent_of_two_decimals_is_a_whole_number_of_hundredths():
    assert [hundredths(share / 100) for share in range(10_001)] == list(range(10_001))
