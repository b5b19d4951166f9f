"""The prediction log's segments: read back whole, up to where they are torn."""

import msgspec
import pytest

from towpath.core.errors import FormatTooNew, VerificationRefused
from towpath.core.log import Block, frame, read_segment

BLOCK = Block("iris", "iris@1.0.0", "ab" * 32, ["a", "b"], ["r-1"], [1.5], [0], [[0.25]], [0], {"id": [7]}, {})


def segment(*blocks: Block) -> bytes:
    return b"".join(frame(msgspec.msgpack.encode(block)) for block in blocks)


def test_what_is_written_is_read_back():
    assert list(read_segment(segment(BLOCK, BLOCK))) == [BLOCK, BLOCK]


def test_a_block_without_routes_and_without_a_shadow_is_written_as_before_there_were_any():
    written = msgspec.msgpack.decode(msgspec.msgpack.encode(BLOCK))

    assert "shadow" not in written and "revision" not in written and written["decisions"] == [0]


def test_a_shadows_block_is_told_apart():
    shadow = msgspec.structs.replace(BLOCK, revision="iris/prod#2", shadow=True)

    assert list(read_segment(segment(shadow))) == [shadow] != [BLOCK]


def test_a_segment_that_breaks_off_anywhere_gives_its_whole_blocks():
    content = segment(BLOCK, BLOCK)
    whole = len(content) // 2

    assert {len(list(read_segment(content[:end]))) for end in range(whole)} == {0}
    assert {len(list(read_segment(content[:end]))) for end in range(whole, 2 * whole)} == {1}


@pytest.mark.parametrize("at", [0, 5, 20])
def test_a_changed_byte_ends_the_segment(at):
    content = bytearray(segment(BLOCK, BLOCK))
    content[len(content) // 2 + at] ^= 1

    assert list(read_segment(bytes(content))) == [BLOCK]


def test_a_newer_format_is_refused_by_name():
    newer = msgspec.msgpack.encode({"format": "towpath/log/2"})

    with pytest.raises(FormatTooNew, match="towpath/log/2"):
        list(read_segment(frame(newer)))


def test_what_is_no_log_is_refused():
    with pytest.raises(VerificationRefused, match="not a towpath/log file"):
        list(read_segment(frame(msgspec.msgpack.encode({"format": "other/1"}))))
