"""What a compressed batch may unpack to, without a broker."""

from __future__ import annotations

import pytest
from aiokafka.errors import CorruptRecordException
from aiokafka.record.memory_records import MemoryRecords

from adapters.kafka.codecs import MAX_UNCOMPRESSED_BYTES, bound_decompression
from tests.servers.raw_batches import GZIP, LZ4, SNAPPY, ZSTD, batch


@pytest.mark.parametrize("codec", [GZIP, SNAPPY, LZ4, ZSTD])
def test_a_batch_beyond_the_limit_is_not_decompressed(codec: int) -> None:
    bound_decompression()
    bomb = batch(bytes(MAX_UNCOMPRESSED_BYTES + 1), codec=codec)
    with pytest.raises(CorruptRecordException, match="it unpacks to more than"):
        [*MemoryRecords(bomb).next_batch()]
