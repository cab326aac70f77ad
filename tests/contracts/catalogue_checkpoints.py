"""The contract of every CatalogueCheckpoints. The suite of an adapter subclasses it and provides the fixture `readers`."""

from __future__ import annotations

from domain.ports.catalogue import CatalogueCheckpoints
from tests.contracts.catalogue import unique


class CatalogueCheckpointsContract:
    async def test_a_new_reader_has_no_position(self, readers: CatalogueCheckpoints) -> None:
        assert await readers.read(unique("reader")) is None

    async def test_the_last_position_is_stored_and_never_moves_back(self, readers: CatalogueCheckpoints) -> None:
        name, other = unique("reader"), unique("reader")
        await readers.write(name, 0)
        assert await readers.read(name) == 0
        await readers.write(name, 7)
        await readers.write(name, 5)
        await readers.write(other, 1)

        assert (await readers.read(name), await readers.read(other)) == (7, 1)
