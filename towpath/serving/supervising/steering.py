"""Keeps the kernel from giving connections to a socket that is about to close: those in its queue would be reset."""

import contextlib
import socket
import struct
from collections.abc import Sequence

ATTACH, DETACH = 51, 68  # SO_ATTACH_REUSEPORT_CBPF, SO_DETACH_REUSEPORT_BPF: Python has no names for them
LOAD_WORD, MODULO, RETURN = 0x20, 0x94, 0x16  # of classic BPF: the last two work with the accumulator
RANDOM = 0xFFFFF000 + 56  # SKF_AD_OFF + SKF_AD_RANDOM, where the kernel puts a random number


def steer_to_first(many: int, sockets: Sequence[socket.socket]) -> bool:
    """New connections go to the first sockets of the ports alone; False where the system cannot do that."""
    steps = ((LOAD_WORD, RANDOM), (MODULO, many), (RETURN, 0))
    program = b"".join(struct.pack("HBBI", code, 0, 0, operand) for code, operand in steps)
    try:
        import ctypes

        kept = ctypes.create_string_buffer(program, len(program))
        asked = struct.pack("HP", len(steps), ctypes.addressof(kept))
        for one in sockets:
            one.setsockopt(socket.SOL_SOCKET, ATTACH, asked)
    except (ImportError, OSError):
        return False
    return True


def steer_to_all(sockets: Sequence[socket.socket]) -> None:
    """As the kernel does it by itself: by the addresses of both sides."""
    with contextlib.suppress(OSError):
        for one in sockets:
            one.setsockopt(socket.SOL_SOCKET, DETACH, 0)
