"""Decompresses Kafka's record batches, by every codec of Kafka, up to a limit.

aiokafka decompresses a batch in one piece: 1 MB may become gigabytes and end the process. It has no setting for that,
so these decoders replace its own where its record classes look them up.
"""

from __future__ import annotations

import importlib
import mmap
import struct
from collections.abc import Callable
from importlib.util import find_spec

from aiokafka import codec
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecordBatch
from aiokafka.record.legacy_records import LegacyRecordBatch

from domain.shared.errors import BrokerRefused

MAX_UNCOMPRESSED_BYTES = 64 * 1024 * 1024
"""Four times the largest message. Clients bound a batch before they compress it, most of them at 1 MB."""

_XERIAL = b"\x82SNAPPY\x00"
_XERIAL_HEADER_BYTES = 16

Decode = Callable[[bytes], bytes]


def require_codecs() -> None:
    """Raises BrokerRefused where the library of a codec is missing."""
    there = {"gzip": codec.has_gzip, "snappy": codec.has_snappy, "lz4": codec.has_lz4, "zstd": codec.has_zstd}
    missing = [name for name, has in there.items() if not has()]
    if missing:
        raise BrokerRefused(
            f"messages compressed by {', '.join(missing)} cannot be read: the Python package cramjam is missing;"
            " install what constraints.txt names"
        )


def bound_decompression() -> None:
    """Makes aiokafka raise CorruptRecordException for a batch of more than `MAX_UNCOMPRESSED_BYTES`."""
    for batch in (DefaultRecordBatch, LegacyRecordBatch):
        module = importlib.import_module(batch.__module__)
        for name, decode in _decoders().items():
            # The legacy format has no zstd.
            if hasattr(module, name):
                setattr(module, name, decode)


def _decoders() -> dict[str, Decode]:
    if find_spec("cramjam") is None:
        return {}
    import cramjam  # noqa: PLC0415  (where it is missing, `require_codecs` says so)

    return {
        "gzip_decode": _bounded("gzip", cramjam.gzip.decompress_into),
        "lz4_decode": _bounded("lz4", cramjam.lz4.decompress_into),
        "zstd_decode": _bounded("zstd", cramjam.zstd.decompress_into),
        "snappy_decode": _bounded_snappy(cramjam.snappy.decompress_raw_len),
    }


def _bounded(name: str, decompress_into: Callable[[bytes, mmap.mmap], int]) -> Decode:
    def decode(payload: bytes) -> bytes:
        # Only pages that are written cost memory.
        with mmap.mmap(-1, MAX_UNCOMPRESSED_BYTES) as buffer:
            try:
                return buffer[: decompress_into(payload, buffer)]
            except Exception as error:
                raise CorruptRecordException(f"{name}: {_words(error)}") from error

    return decode


def _bounded_snappy(decompressed_bytes: Callable[[memoryview], int]) -> Decode:
    def decode(payload: bytes) -> bytes:
        try:
            if sum(decompressed_bytes(block) for block in _snappy_blocks(memoryview(payload))) > MAX_UNCOMPRESSED_BYTES:
                raise CorruptRecordException(f"snappy: {_TOO_MUCH}")
            decompressed: bytes = codec.snappy_decode(payload)
            return decompressed
        except CorruptRecordException:
            raise
        except Exception as error:
            raise CorruptRecordException(f"snappy: {_words(error)}") from error

    return decode


def _snappy_blocks(payload: memoryview) -> list[memoryview]:
    """The blocks of the framing that Java clients write; else the payload is the only block."""
    if payload[: len(_XERIAL)] != _XERIAL:
        return [payload]
    blocks = []
    at = _XERIAL_HEADER_BYTES
    while at < len(payload):
        (size,) = struct.unpack_from(">i", payload, at)
        if size <= 0:
            raise ValueError(f"a block of {size} bytes")
        at += 4
        blocks.append(payload[at : at + size])
        at += size
    return blocks


_TOO_MUCH = f"it unpacks to more than {MAX_UNCOMPRESSED_BYTES} bytes"


def _words(error: Exception) -> str:
    # cramjam says this where the buffer is too small.
    return _TOO_MUCH if str(error) == "failed to write whole buffer" else str(error)
