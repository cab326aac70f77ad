"""Decompresses Kafka's record batches by every codec that Kafka knows, up to a limit.

aiokafka unpacks whatever a batch holds, in one piece: a batch of 1 MB may become gigabytes and end the process.
It has no setting for that, so its decoders are replaced by these, where its record classes look them up.
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
    """Raises BrokerRefused where a codec's library is missing: a compressed message could not be read then."""
    there = {"gzip": codec.has_gzip, "snappy": codec.has_snappy, "lz4": codec.has_lz4, "zstd": codec.has_zstd}
    missing = [name for name, has in there.items() if not has()]
    if missing:
        raise BrokerRefused(
            f"messages compressed by {', '.join(missing)} cannot be read: the Python package cramjam is missing;"
            " install what constraints.txt names"
        )


def bound_decompression() -> None:
    """Has aiokafka unpack at most `MOST_UNPACKED_BYTES` of a batch; more is a CorruptRecordException."""
    for batch in (DefaultRecordBatch, LegacyRecordBatch):
        module = importlib.import_module(batch.__module__)
        for name, decode in _decoders().items():
            # The older format has no zstd.
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
        # Only the pages that are written to cost memory.
        with mmap.mmap(-1, MAX_UNCOMPRESSED_BYTES) as room:
            try:
                return room[: decompress_into(payload, room)]
            except Exception as error:
                raise CorruptRecordException(f"{name}: {_words(error)}") from error

    return decode


def _bounded_snappy(unpacked_bytes: Callable[[memoryview], int]) -> Decode:
    def decode(payload: bytes) -> bytes:
        try:
            if (
                sum(unpacked_bytes(block) for block in _snappy_blocks(memoryview(payload)))
                > MAX_UNCOMPRESSED_BYTES
            ):
                raise CorruptRecordException(f"snappy: {_TOO_MUCH}")
            unpacked: bytes = codec.snappy_decode(payload)
            return unpacked
        except CorruptRecordException:
            raise
        except Exception as error:
            raise CorruptRecordException(f"snappy: {_words(error)}") from error

    return decode


def _snappy_blocks(payload: memoryview) -> list[memoryview]:
    """The blocks of the framing that Java clients write; else the payload, which is one."""
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
    # What cramjam says where the room does not do.
    return _TOO_MUCH if str(error) == "failed to write whole buffer" else str(error)
