"""As much of protobuf as it takes to look into a model and to take it apart, without onnx, which no worker has."""

import re
from collections.abc import Iterator

# Protobuf's wire types. A tree has hundreds of thousands of small integers; they are stepped over in one go.
VARINT, EIGHT_BYTES, BYTES, FOUR_BYTES = 0, 1, 2, 5
INTEGERS = re.compile(
    rb"(?:[\x08\x10\x18\x20\x28\x30\x38\x40\x48\x50\x58\x60\x68\x70\x78][\x80-\xff]{0,9}[\x00-\x7f])+"
)


def fields(message: memoryview) -> Iterator[tuple[int, memoryview]]:
    """The fields of a message that have a length: numbers, and their bytes. Raises ValueError, IndexError."""
    position = 0
    while position < len(message):
        if integers := INTEGERS.match(message, position):
            position = integers.end()
            continue
        key, position = varint(message, position)
        kind = key & 7
        if kind == VARINT:
            _, position = varint(message, position)
            continue
        if key >> 32:
            raise ValueError(f"its field at byte {position} has no number that protobuf allows")
        size, position = varint(message, position) if kind == BYTES else (_size(kind), position)
        if position + size > len(message):
            raise ValueError(f"it breaks off at byte {len(message)}")
        yield key >> 3, message[position : position + size]
        position += size


def integer(message: memoryview, wanted: int) -> int:
    """The last value of an integer field; 0 where it is not there, as protobuf has it."""
    found = position = 0
    while position < len(message):
        key, position = varint(message, position)
        kind = key & 7
        if kind == VARINT:
            value, position = varint(message, position)
            found = value if key >> 3 == wanted else found
        else:
            size, position = varint(message, position) if kind == BYTES else (_size(kind), position)
            position += size
    return found


def varint(message: memoryview, position: int) -> tuple[int, int]:
    """A number that begins at a position, and where it ends. Raises ValueError, IndexError."""
    value = shift = 0
    while shift < 70:
        byte = message[position]
        value |= (byte & 0x7F) << shift
        position, shift = position + 1, shift + 7
        if byte < 0x80:
            return value, position
    raise ValueError(f"its number at byte {position} does not end")


def field(number: int, content: bytes | memoryview) -> bytes:
    """One field with a length, as it is written."""
    return _varint(number << 3 | BYTES) + _varint(len(content)) + bytes(content)


def number(number: int, value: int) -> bytes:
    """One integer field, as it is written."""
    return _varint(number << 3 | VARINT) + _varint(value)


def _varint(value: int) -> bytes:
    written = bytearray()
    while value > 0x7F:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*written, value])


def _size(kind: int) -> int:
    sizes = {EIGHT_BYTES: 8, FOUR_BYTES: 4}
    if kind not in sizes:
        raise ValueError(f"protobuf has no wire type {kind}")
    return sizes[kind]
