"""Read the arrays of a Keras weights file (HDF5), without a library for it: what `save_weights` writes, and no more.

Groups with symbol tables and plain float32 arrays, as HDF5 1.8 and later write by default. Anything else (chunks,
compression, links, other types) is refused with its name, and so is an address outside the file. Source: The HDF
Group, "HDF5 File Format Specification Version 3.0", sections II to IV.
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tonewheel.core.errors import InputError
from tonewheel.core.files import reading

SIGNATURE = b"\x89HDF\r\n\x1a\n"
LARGEST_BYTES = 256 * 2**20
DEEPEST = 8
MOST_OBJECTS = 4096
DATASPACE, DATATYPE, LAYOUT, CONTINUATION, SYMBOL_TABLE = 0x01, 0x03, 0x08, 0x10, 0x11

Floats = NDArray[np.float32]


def read_arrays(path: str | Path) -> dict[str, Floats]:
    """Every array of the file by its path inside it ("conv2d_1/conv2d_1/kernel:0"); InputError for anything else."""
    file = Path(path)
    with reading(file):
        if file.stat().st_size > LARGEST_BYTES:
            raise InputError(file, f"is larger than {LARGEST_BYTES // 2**20} MiB")
        data = file.read_bytes()
    if not data.startswith(SIGNATURE):
        raise InputError(file, "is no HDF5 file")
    try:
        return _Reader(data).arrays()
    except _Unsupported as error:
        raise InputError(file, f"HDF5, but not as Keras writes weights: {error}") from None
    except (struct.error, ValueError, IndexError, KeyError, OverflowError):
        raise InputError(file, "HDF5, but damaged or cut short") from None


class _Unsupported(Exception):
    pass


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.visited: set[int] = set()

    def arrays(self) -> dict[str, Floats]:
        version, offset_bytes, length_bytes = self.data[8], self.data[13], self.data[14]
        if version > 1:
            raise _Unsupported(f"superblock version {version}")
        if (offset_bytes, length_bytes) != (8, 8):
            raise _Unsupported("addresses that are not 64 bits")
        # Behind the superblock (24 bytes, 28 in version 1) come four addresses and the entry of the root group.
        root = self._number(24 + 4 * version + 32 + 8)
        found: dict[str, Floats] = {}
        self._object(root, "", found, 0)
        return found

    def _object(self, address: int, name: str, found: dict[str, Floats], depth: int) -> None:
        if address in self.visited or depth > DEEPEST or len(self.visited) > MOST_OBJECTS:
            raise _Unsupported("groups that contain themselves")
        self.visited.add(address)
        messages = self._messages(address)
        if SYMBOL_TABLE in messages:
            tree, heap = struct.unpack_from("<QQ", messages[SYMBOL_TABLE])
            for child, header in self._children(tree, self._heap(heap), 0):
                self._object(header, f"{name}/{child}".lstrip("/"), found, depth + 1)
        elif LAYOUT in messages:
            found[name] = self._array(messages, name)

    def _messages(self, address: int) -> dict[int, bytes]:
        """Messages of an object header of version 1, continuations followed; of several of a type, the first."""
        if self._bytes(address, 1) != b"\x01":
            raise _Unsupported("object headers of version 2")
        size = struct.unpack_from("<I", self._bytes(address + 8, 4))[0]
        pending, messages = [(address + 16, size)], dict[int, bytes]()
        for block, length in pending:
            end = block + length
            while block + 8 <= end:
                kind, span = struct.unpack("<HH", self._bytes(block, 4))
                body = self._bytes(block + 8, span)
                if kind == CONTINUATION:
                    if len(pending) > 64:
                        raise _Unsupported("an endless object header")
                    pending.append(struct.unpack_from("<QQ", body))
                messages.setdefault(kind, body)
                block += 8 + span
        return messages

    def _heap(self, address: int) -> bytes:
        if self._bytes(address, 4) != b"HEAP":
            raise ValueError
        return self._bytes(self._number(address + 24), self._number(address + 8))

    def _children(self, address: int, names: bytes, depth: int) -> list[tuple[str, int]]:
        """Name and header of what a group holds: a B-tree whose leaves are symbol nodes."""
        kind = self._bytes(address, 4)
        if kind == b"SNOD":
            count = struct.unpack("<H", self._bytes(address + 6, 2))[0]
            entries = [struct.unpack("<QQ", self._bytes(address + 8 + 40 * i, 16)) for i in range(count)]
            return [(names[at : names.index(b"\0", at)].decode(), header) for at, header in entries]
        if kind != b"TREE" or depth > DEEPEST:
            raise ValueError
        count = struct.unpack("<H", self._bytes(address + 6, 2))[0]
        nodes = [self._number(address + 24 + 8 + 16 * i) for i in range(count)]
        return [child for node in nodes for child in self._children(node, names, depth + 1)]

    def _array(self, messages: dict[int, bytes], name: str) -> Floats:
        space, kind, layout = messages[DATASPACE], messages[DATATYPE], messages[LAYOUT]
        rank = space[1]
        shape = struct.unpack_from(f"<{rank}Q", space, 8 if space[0] == 1 else 4)
        if kind[0] & 15 != 1 or struct.unpack_from("<I", kind, 4)[0] != 4 or kind[1] & 1:
            raise _Unsupported(f'"{name}" is not float32')
        if layout[0] not in (3, 4) or layout[1] > 1:
            raise _Unsupported(f'"{name}" is stored in chunks')
        count = int(np.prod(shape, dtype=np.float64))
        if layout[1] == 0:
            stored = layout[4 : 4 + 4 * count]
        else:
            stored = self._bytes(struct.unpack_from("<Q", layout, 2)[0], 4 * count)
        values = np.frombuffer(stored, "<f4").reshape(shape).astype(np.float32)
        if not np.all(np.isfinite(values)):
            raise _Unsupported(f'"{name}" is not finite')
        return values

    def _number(self, address: int) -> int:
        return int(struct.unpack("<Q", self._bytes(address, 8))[0])

    def _bytes(self, address: int, count: int) -> bytes:
        if address + count > len(self.data):
            raise ValueError
        return self.data[address : address + count]
