"""The archive's files in a folder: events as JSON lines, compressed by gzip, each file with a manifest beside it.

Every programming language reads gzip and JSON lines, in ten years too. A file is never seen half written: it gets its
name once it is durable, and its manifest after that.
"""

from __future__ import annotations

import asyncio
import gzip
import os
import re
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from itertools import groupby
from pathlib import Path
from typing import ParamSpec, TypeVar

import msgspec
from msgspec import Struct

from adapters.private_files import replace_private_file
from adapters.system import release
from domain.ports.archive import WAY_OUT, ArchiveDamaged, ArchiveManifest, ArchiveUnavailable, ManifestBasket
from domain.ports.event_store import StoredEvent
from domain.shared.values import Clock

FORMAT = 1
EVENTS, MANIFEST = ".jsonl.gz", ".manifest.json"
COMPRESSION_LEVEL = 6
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_\-]*")

P = ParamSpec("P")
R = TypeVar("R")


class EventLine(Struct, rename="camel"):
    """One line of a file: all that an event's row holds. `data` and `metadata` are the stored JSON as text, so that no
    byte of them changes."""

    position: int
    stream: str
    version: int
    type: str
    recorded_at: datetime
    data: str
    metadata: str


class ArchiveFolder:
    """ArchiveFiles. Without a folder (None) every method raises ArchiveUnavailable."""

    def __init__(self, folder: Path | None, clock: Clock) -> None:
        self._configured = folder
        self._clock = clock

    async def write(self, name: str, events: Sequence[StoredEvent], partners: Mapping[str, str]) -> ArchiveManifest:
        return await self._in_thread(self._write, name, events, partners)

    async def read(self, name: str) -> tuple[ArchiveManifest, Sequence[StoredEvent]]:
        return await self._in_thread(self._read, name)

    async def names(self) -> Collection[str]:
        return await self._in_thread(self._names)

    async def manifest(self, name: str) -> ArchiveManifest | None:
        return await self._in_thread(self._manifest, name)

    async def delete(self, name: str) -> None:
        await self._in_thread(self._delete, name)

    async def _in_thread(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Raises ArchiveUnavailable, which names the next step."""
        try:
            return await asyncio.to_thread(work, *args, **kwargs)
        except OSError as error:
            where = error.filename or self._configured
            raise ArchiveUnavailable(
                f"the archive's folder cannot be used: {where}: {error.strerror or error}; CHECKOUT_ARCHIVE_FOLDER must"
                " name a folder that is mounted, writable, and has space"
            ) from error

    @property
    def _folder(self) -> Path:
        if self._configured is None:
            raise ArchiveUnavailable("CHECKOUT_ARCHIVE_FOLDER names no folder of the archive")
        return self._configured

    def _path(self, name: str, suffix: str) -> Path:
        if not _NAME.fullmatch(name):
            raise ArchiveDamaged(f"{name} is no name of a file of the archive")
        return self._folder / f"{name}{suffix}"

    def _write(self, name: str, events: Sequence[StoredEvent], partners: Mapping[str, str]) -> ArchiveManifest:
        if not self._folder.is_dir():
            # A folder that is not mounted must not be made beside the mount.
            raise FileNotFoundError(2, "there is no such folder", str(self._folder))
        content = gzip.compress(b"".join(map(_encode, events)), COMPRESSION_LEVEL, mtime=0)
        baskets = [
            _manifest_basket([*stored], partners) for _, stored in groupby(events, lambda event: event.stream_id)
        ]
        manifest = ArchiveManifest(
            format=FORMAT,
            file=f"{name}{EVENTS}",
            sha256=sha256(content).hexdigest(),
            bytes=len(content),
            events=len(events),
            first_position=min(basket.first_position for basket in baskets),
            last_position=max(basket.last_position for basket in baskets),
            written_at=self._clock(),
            release=release(),
            baskets=baskets,
        )
        replace_private_file(self._path(name, EVENTS), content)
        replace_private_file(self._path(name, MANIFEST), msgspec.json.format(msgspec.json.encode(manifest)) + b"\n")
        _sync_folder(self._folder)
        found, stored = self._read(name)
        if found != manifest or [*stored] != [*events]:
            raise ArchiveDamaged(
                f"{manifest.file} does not come back as it was written, so nothing was deleted; check the disk of the folder"
            )
        return manifest

    def _read(self, name: str) -> tuple[ArchiveManifest, Sequence[StoredEvent]]:
        manifest = self._manifest(name)
        if manifest is None:
            raise ArchiveDamaged(f"{name}{MANIFEST} is not in the folder of the archive; {WAY_OUT}")
        path = self._path(name, EVENTS)
        try:
            content = path.read_bytes()
        except FileNotFoundError as error:
            raise ArchiveDamaged(f"{path.name} is not in the folder of the archive; {WAY_OUT}") from error
        if len(content) != manifest.bytes or sha256(content).hexdigest() != manifest.sha256:
            raise ArchiveDamaged(f"{path.name} is not what was written: its checksum differs; {WAY_OUT}")
        try:
            events = [*_decode(gzip.decompress(content))]
        except (OSError, EOFError, zlib.error, msgspec.MsgspecError) as error:
            raise ArchiveDamaged(f"{path.name} cannot be read: {error}; {WAY_OUT}") from error
        counts = {id: len([*stored]) for id, stored in groupby(events, lambda event: event.stream_id)}
        if len(events) != manifest.events or counts != {each.basket_id: each.events for each in manifest.baskets}:
            raise ArchiveDamaged(f"{path.name} does not hold what its manifest says; {WAY_OUT}")
        return manifest, events

    def _names(self) -> Collection[str]:
        """Also of files that were cut off before they had their name."""
        parts = (path.name.partition(".") for path in self._folder.iterdir())
        return {name for name, _, rest in parts if f".{rest}".startswith((EVENTS, MANIFEST)) and _NAME.fullmatch(name)}

    def _manifest(self, name: str) -> ArchiveManifest | None:
        path = self._path(name, MANIFEST)
        try:
            manifest = msgspec.json.decode(path.read_bytes(), type=ArchiveManifest)
        except FileNotFoundError:
            if not self._folder.is_dir():
                raise
            return None
        except msgspec.MsgspecError as error:
            raise ArchiveDamaged(f"{path.name} cannot be read: {error}; {WAY_OUT}") from error
        if manifest.format != FORMAT:
            raise ArchiveDamaged(
                f"{path.name} has format {manifest.format}, which this release does not know: use a newer one"
            )
        return manifest

    def _delete(self, name: str) -> None:
        for suffix in (MANIFEST, EVENTS):
            path = self._path(name, suffix)
            for each in (path, *self._folder.glob(f"{path.name}.*")):
                each.unlink(missing_ok=True)


def _encode(event: StoredEvent) -> bytes:
    line = EventLine(
        position=event.position,
        stream=event.stream_id,
        version=event.version,
        type=event.type,
        recorded_at=event.recorded_at,
        data=event.data.decode(),
        metadata=event.metadata.decode(),
    )
    return msgspec.json.encode(line) + b"\n"


def _decode(lines: bytes) -> Iterator[StoredEvent]:
    for line in msgspec.json.Decoder(EventLine).decode_lines(lines):
        yield StoredEvent(
            line.position,
            line.stream,
            line.version,
            line.type,
            line.data.encode(),
            line.metadata.encode(),
            line.recorded_at,
        )


def _manifest_basket(stored: Sequence[StoredEvent], partners: Mapping[str, str]) -> ManifestBasket:
    basket_id = stored[0].stream_id
    return ManifestBasket(
        basket_id=basket_id,
        partner=partners[basket_id],
        events=len(stored),
        first_position=stored[0].position,
        last_position=stored[-1].position,
    )


def _sync_folder(folder: Path) -> None:
    """Makes new names in the folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
