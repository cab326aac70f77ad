"""Files of the archive as others may leave them."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.archive_files.folder import EVENTS, ArchiveFolder
from adapters.system import utc_now
from domain.ports.archive import ArchiveDamaged
from domain.ports.event_store import StoredEvent
from tests.builders import NOW, basket_id

EVENT = StoredEvent(7, basket_id(), 1, "checkout.basket-initiated.v1", b'{"a":"b"}', b"{}", NOW)


async def written(folder: Path) -> ArchiveFolder:
    archive = ArchiveFolder(folder, utc_now)
    await archive.write("one", [EVENT], {basket_id(): "acme"})
    return archive


async def test_what_was_written_is_read(tmp_path: Path) -> None:
    _, events = await (await written(tmp_path)).read("one")
    assert [*events] == [EVENT]


async def test_a_changed_file_is_damaged(tmp_path: Path) -> None:
    archive = await written(tmp_path)
    path = tmp_path / f"one{EVENTS}"
    content = path.read_bytes()
    # gzip's own checksum does not cover its header, so that only ours notices.
    path.write_bytes(content[:9] + b"\x07" + content[10:])
    with pytest.raises(ArchiveDamaged, match="its checksum differs"):
        await archive.read("one")


@pytest.mark.parametrize("name", ["../one", "/etc/one", "a/b", ".one", "", "a\x00", "one\n"], ids=ascii)
async def test_a_name_never_leads_out_of_the_folder(tmp_path: Path, name: str) -> None:
    archive = await written(tmp_path)
    for use in (archive.read, archive.manifest, archive.delete):
        with pytest.raises(ArchiveDamaged, match="is no name of a file"):
            await use(name)
    assert (tmp_path / f"one{EVENTS}").exists()
