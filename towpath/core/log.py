"""towpath/log/1, the prediction log: a segment is a row of frames, each a block of answers of one bundle.

A frame is the length of its content and that content's crc32, both as 4 bytes, and the content in msgpack. A frame that
breaks off, as one does when a machine dies while it writes, ends its segment and is no fault.
"""

import re
import struct
import zlib
from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Struct

from towpath.core import formats

FRAME = struct.Struct(">II")
SEGMENT = re.compile(r"[0-9]{8}T[0-9]{6}Z-[0-9]+-[0-9]{6,}\.log")
"""The name of a segment: when it was begun, by which process, its number there. Other files are none of the log's."""


class Block(Struct, frozen=True, tag_field="format", tag=formats.LOG, omit_defaults=True):
    """Answers of one bundle, column by column: the first of each list belongs to the first answer, and so on.

    requests are the ids of the requests, times seconds since 1970, positions those in a request's batch. decisions are
    positions in classes, and empty for a regression. ids and values have a list for each field; values only where the
    service logs records. revision is the one that answered, where there are routes; a shadow's answers were given to
    nobody, and another block has those that its requests got.
    """

    service: str
    release: str
    bundle: str
    classes: list[str]
    requests: list[str]
    times: list[float]
    positions: list[int]
    scores: list[list[float]]
    decisions: list[int]
    ids: dict[str, list[Any]]
    values: dict[str, list[Any]]
    revision: str = ""
    shadow: bool = False


def frame(block: bytes) -> bytes:
    """An encoded block, framed."""
    return FRAME.pack(len(block), zlib.crc32(block)) + block


def read_segment(content: bytes) -> Iterator[Block]:
    """The blocks of a segment, up to its end or to a frame that is torn. Raises FormatTooNew or VerificationRefused."""
    decoder = msgspec.msgpack.Decoder(Block)
    for block in _whole_frames(content):
        formats.check_format(msgspec.msgpack.decode(block, type=_Head).format, formats.LOG, "the prediction log")
        yield decoder.decode(block)


def torn_bytes(content: bytes) -> int:
    """How many bytes at the end of a segment are no whole frame."""
    return len(content) - sum(FRAME.size + len(block) for block in _whole_frames(content))


def _whole_frames(content: bytes) -> Iterator[bytes]:
    start = 0
    while start + FRAME.size <= len(content):
        length, checksum = FRAME.unpack_from(content, start)
        block = content[start + FRAME.size : start + FRAME.size + length]
        if len(block) < length or zlib.crc32(block) != checksum:
            return
        yield block
        start += FRAME.size + length


class _Head(Struct):
    format: str
