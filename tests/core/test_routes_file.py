"""The routes file: what is written is read, and whatever else is there is refused with a code of its own."""

from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from tests.core.routed import DIGEST, revision, routes
from towpath.core import formats
from towpath.core.errors import Exit
from towpath.core.routes import (
    CODES,
    WHOLE,
    HeaderRule,
    Mode,
    Revision,
    Routes,
    RoutesRefused,
    Shadow,
    Share,
    Sticky,
)
from towpath.core.routes_file import LARGEST, decode, encode, refuse_step, successor
from towpath.core.settings import Overrides

GOLDEN = Path(__file__).with_name("golden_routes_1.json")
FULL = routes(
    {7: 95, 8: 4.99, 9: 0.01},
    generation=41,
    also=(5,),
    sticky=Sticky(field="CustomerId"),
    headers=(HeaderRule("x-canary", "yes", 8),),
    shadows=(Shadow(5, 12.5),),
    mode=Mode("paused", wait_seconds=3.5),
)
LABELS = st.text(st.characters(min_codepoint=32, exclude_categories=("Cs",)), min_size=1, max_size=20)
FIELDS = LABELS.filter(lambda name: not {'"', "\\"} & set(name))


@st.composite
def any_routes(draw: st.DrawFn) -> Routes:
    numbers = draw(st.lists(st.integers(1, 10**9), min_size=1, max_size=6, unique=True))
    cuts = sorted(draw(st.lists(st.integers(0, WHOLE), min_size=len(numbers) - 1, max_size=len(numbers) - 1)))
    shares = [upper - lower for lower, upper in zip([0, *cuts], [*cuts, WHOLE], strict=True)]
    overrides = st.builds(Overrides, threshold=st.none() | st.floats(0, 1))
    made = [
        Revision(number, "bankchurn@1.0.0", draw(LABELS), DIGEST, DIGEST, settings=draw(overrides))
        for number in numbers
    ]
    known = st.sampled_from(numbers)
    percent = st.integers(0, WHOLE).map(lambda share: share / 100)
    return Routes(
        service="bankchurn",
        environment=draw(st.from_regex(r"\A[a-z][a-z0-9-]{0,38}\Z")),
        generation=draw(st.integers(1, 10**9)),
        revisions=tuple(made),
        traffic=tuple(Share(number, share / 100) for number, share in zip(numbers, shares, strict=True)),
        sticky=draw(st.none() | st.builds(Sticky, field=FIELDS)),
        headers=tuple(
            HeaderRule(name, "on", draw(known)) for name in draw(st.sets(st.from_regex(r"\A[a-z0-9-]{1,9}\Z")))
        ),
        shadows=tuple(Shadow(number, draw(percent)) for number in draw(st.sets(known))),
        mode=draw(st.builds(Mode, name=st.sampled_from(["live", "paused", "maintenance"]), message=LABELS)),
    )


def refused(content: bytes) -> RoutesRefused:
    with pytest.raises(RoutesRefused) as caught:
        decode(content, "bankchurn.routes.json")
    return caught.value


def written(**changes: object) -> bytes:
    """The bytes of routes that `encode` would not write: every digest fits, only the content is wrong."""
    content = formats.canonical(msgspec.structs.replace(routes({7: 100}), **changes))
    return content[:-1] + b',"checksum":"%b"}' % formats.digest(content).encode()


@given(any_routes())
def test_what_is_written_is_read(given):
    assert decode(encode(given)) == given


def test_the_file_is_one_line_of_json_with_its_format_first():
    content = encode(FULL)

    assert content.startswith(b'{"format":"towpath/routes/1","service":"bankchurn"') and b"\n" not in content
    assert msgspec.json.decode(content)["generation"] == 41


def test_a_file_of_this_format_is_read_for_ever():
    assert decode(GOLDEN.read_bytes()) == FULL


def test_whole_percents_may_be_given_as_whole_numbers():
    assert encode(routes({7: 100}, traffic=(Share(7, 100),))) == encode(routes({7: 100.0}))


def test_equal_routes_are_equal_bytes():
    said = routes({7: 100}, mode=Mode("live"), revisions=(revision(7, settings=Overrides()),))

    assert said == routes({7: 100}) and encode(said) == encode(routes({7: 100}))


def test_every_single_bit_flip_is_refused():
    content = encode(FULL)
    accepted = []
    for bit in range(len(content) * 8):
        flipped = bytearray(content)
        flipped[bit // 8] ^= 1 << bit % 8
        try:
            decode(bytes(flipped))
        except RoutesRefused as error:
            assert error.reason in CODES
        else:
            accepted.append(bit)

    assert accepted == []


def test_every_truncation_is_refused():
    content = encode(FULL)

    assert {refused(content[:size]).reason for size in range(len(content))} <= {"empty", "truncated", "not_json"}


@given(any_routes(), st.data())
@settings(max_examples=200)
def test_any_other_byte_anywhere_is_refused(given, data):
    content = bytearray(encode(given))
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))

    refused(bytes(content))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b" " * (LARGEST + 1), "too_large"),
        (encode(FULL)[:100], "truncated"),
        (b"zero", "not_json"),
        (b"\xff\xfe", "not_json"),
        (b"[" * 100_000, "not_json"),
        (b"{}", "wrong_format"),
        (b"[]", "wrong_format"),
        (b'{"format":"towpath/bundle/1"}', "wrong_format"),
        (b'{"format":"towpath/routes/0"}', "wrong_format"),
        ('{"format":"towpath/routes/\u00b2"}'.encode(), "wrong_format"),
        (b'{"format":"towpath/routes/%b"}' % (b"9" * 5_000), "wrong_format"),
        (b'{"format":"towpath/routes/2","new":true}', "newer_format"),
        (b'{"format":"towpath/routes/1"}', "schema"),
        (encode(FULL).replace(b"95.0", b"85.0"), "checksum"),
        (encode(FULL).replace(b'"generation":', b'"generation": '), "checksum"),
        (encode(FULL) + b"\n", "checksum"),
        (written(revisions=(), traffic=()), "no_revision"),
        (written(revisions=(revision(7), revision(7))), "duplicate_revision"),
        (written(traffic=(Share(7, 50.0), Share(7, 50.0))), "duplicate_revision"),
        (written(headers=(HeaderRule("x", "1", 7), HeaderRule("x", "1", 7))), "duplicate_revision"),
        (written(traffic=(Share(8, 100.0),)), "unknown_revision"),
        (written(headers=(HeaderRule("x-canary", "yes", 9),)), "unknown_revision"),
        (written(shadows=(Shadow(9, 1.0),)), "unknown_revision"),
        (written(traffic=(Share(7, 99.99),)), "shares"),
        (written(traffic=()), "shares"),
        (written(shadows=(Shadow(7, 0.001),)), "shares"),
        (written(sticky=Sticky()), "schema"),
        (written(sticky=Sticky(header="x-user", field="CustomerId")), "schema"),
        (written(revisions=(revision(7, release="iris@1.0.0"),)), "release"),
    ],
)
@pytest.mark.scenario("S054")
def test_each_fault_has_a_code_of_its_own(content, reason):
    assert refused(content).reason == reason


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"environment": "prod\n"}, "environment"),
        ({"service": "bankchurn\n"}, "service"),
        ({"revisions": (revision(7, release="bankchurn@1.0.0\r\nX-Evil: 1"),)}, "revisions[0].release"),
        ({"revisions": (revision(7, release="bankchurn@1.0.0\n"),)}, "revisions[0].release"),
        ({"revisions": (revision(7, digest=DIGEST + "\n"),)}, "revisions[0].digest"),
        ({"headers": (HeaderRule("x-canary\n", "yes", 7),)}, "headers[0].name"),
        ({"headers": (HeaderRule("x-canary", "yes\n", 7),)}, "headers[0].value"),
        ({"sticky": Sticky(field='Customer"Id')}, "sticky.field"),
    ],
)
def test_what_no_header_and_no_reader_can_carry_is_refused(changes, path):
    error = refused(written(**changes))

    assert error.reason == "schema" and [where for where, _ in error.faults] == [path]


def test_what_is_said_twice_in_canonical_bytes_is_refused():
    body = formats.canonical(routes({7: 100})).replace(b'"service":', b'"service":"iris","service":')
    content = body[:-1] + b',"checksum":"%b"}' % formats.digest(body).encode()

    assert refused(content).reason == "not_canonical"


def test_all_faults_of_a_wrong_schema_are_told_with_their_paths():
    faults = dict(
        refused(
            b'{"format":"towpath/routes/1","service":"X","environment":"prod","generation":0,"extra":1,'
            b'"revisions":[{"number":1},3],"traffic":{},"mode":{"name":"asleep"},"checksum":"no"}'
        ).faults
    )

    assert set(faults) == {
        "service", "generation", "extra", "revisions[0].release", "revisions[0].bundle", "revisions[0].digest",
        "revisions[0].settings_digest", "revisions[1]", "traffic", "mode.name", "checksum",
    }  # fmt: skip
    assert faults["traffic"] == "should be a list, not an object" and faults["revisions[0].bundle"] == "is missing"


def test_a_newer_format_is_refused_by_name_and_exit_code():
    error = refused(b'{"format":"towpath/routes/2"}')

    assert error.exit_code == Exit.TOO_NEW and "towpath/routes/2" in str(error)


def test_the_writer_is_refused_what_the_worker_would_refuse():
    with pytest.raises(RoutesRefused, match="sum up to 90 percent"):
        encode(routes({7: 90}))


def test_the_writer_is_told_all_faults_too():
    with pytest.raises(RoutesRefused) as caught:
        encode(routes({7: 100}, generation=0, environment="PROD"))

    assert [path for path, _ in caught.value.faults] == ["environment", "generation"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"generation": 40}, "lower_generation"),
        ({"traffic": (Share(8, 100.0),)}, "changed_generation"),
        ({"service": "iris"}, "wrong_service"),
        ({"environment": "test"}, "wrong_environment"),
    ],
)
def test_what_cannot_follow_is_refused(changes, reason):
    with pytest.raises(RoutesRefused) as caught:
        refuse_step(FULL, structs.replace(FULL, **changes))

    assert caught.value.reason == reason


def test_the_same_again_and_any_later_generation_may_follow():
    refuse_step(FULL, FULL)
    refuse_step(FULL, structs.replace(FULL, generation=50, traffic=(Share(8, 100.0),)))


def test_a_successor_is_one_generation_on_and_valid():
    after = successor(FULL, traffic=(Share(8, 100),))

    assert after.generation == 42 and after.revisions == FULL.revisions
    with pytest.raises(RoutesRefused):
        successor(FULL, traffic=())
