"""What messages say of the catalogue, recorded in their order: facts, and withdrawals of facts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import groupby

import asyncpg

from adapters.postgres.catalogue import statements as sql
from adapters.postgres.catalogue.fact_tables import (
    FactRow,
    columns,
    find_recorded,
    notification,
    project,
    read_facts,
    record,
)
from domain.catalogue.epochs import (
    CatalogueMessage,
    FactMessage,
    SourceMark,
    Tombstone,
    advance_mark,
    epoch_after,
    epoch_of_redelivered,
    in_epoch,
    is_redelivered,
    is_withdrawn,
    keys_naming,
    recency,
    states_the_same,
    withdrawal_of,
)
from domain.catalogue.fact_ids import fact_ids_about, fact_ids_of
from domain.catalogue.facts import Fact
from domain.ports.catalogue import RecordingResult
from domain.shared.values import MessageSource

Withdrawals = Mapping[str, Sequence[tuple[int, MessageSource]]]
"""Of subjects that were ever withdrawn: in which epochs, and by which messages."""


async def record_messages(
    connection: asyncpg.Connection, messages: Sequence[CatalogueMessage]
) -> RecordingResult:
    """Records and projects a batch in the transaction that the connection is in."""
    if not messages:
        return RecordingResult()
    await connection.execute(sql.LEARN_ALONE)
    batch = _Batch(connection)
    await batch.read_marks({(message.source.topic, message.source.partition) for message in messages})
    for tombstones, run in groupby(messages, lambda message: isinstance(message, Tombstone)):
        if tombstones:
            await batch.withdraw([message for message in run if isinstance(message, Tombstone)])
        else:
            await batch.say([message for message in run if isinstance(message, FactMessage)])
    await batch.write_marks()
    if batch.touched:
        await connection.execute(sql.NOTIFY, sql.CHANNEL, notification(batch.touched))
    return RecordingResult(
        batch.new, batch.known, tuple(batch.contradicts), batch.withdrawn, tuple(batch.idle)
    )


class _Batch:
    def __init__(self, connection: asyncpg.Connection) -> None:
        self.new = self.known = self.withdrawn = 0
        self.contradicts: list[Fact] = []
        self.idle: list[Tombstone] = []
        self.touched: set[str] = set()
        self._connection = connection
        self._marks: dict[tuple[str, int], SourceMark | None] = {}

    async def read_marks(self, partitions: Collection[tuple[str, int]]) -> None:
        topics, numbers = zip(*partitions, strict=True)
        rows = await self._connection.fetch(sql.READ_MARKS, topics, numbers)
        self._marks = {(row[0], row[1]): SourceMark(row[2], row[3]) for row in rows}

    async def write_marks(self) -> None:
        rows = sorted((*key, mark.offset, mark.at) for key, mark in self._marks.items() if mark is not None)
        if rows:
            await self._connection.execute(sql.WRITE_MARKS, *zip(*rows, strict=True))

    async def say(self, messages: Sequence[FactMessage]) -> None:
        repeated = [self._is_repeated(message) for message in messages]
        entries = [FactRow.of(message.fact, message.source) for message in messages]
        entries = await self._in_their_epochs(entries, repeated)
        firsts: dict[str, FactRow] = {}
        for entry in entries:
            firsts.setdefault(entry.fact_id, entry)
        # In the order of their ids: writers that go in one order never wait for each other in a circle.
        new = await record(self._connection, [firsts[fact_id] for fact_id in sorted(firsts)])
        self.touched.update(await project(self._connection, new))
        held = {entry.fact_id: entry.fact for entry in new}
        held |= await find_recorded(self._connection, firsts.keys() - held.keys())
        first_of_their_id = set(new)
        said: list[tuple[FactMessage, FactRow]] = []
        for message, entry, again in zip(messages, entries, repeated, strict=True):
            if entry.fact != held[entry.fact_id]:
                self.contradicts.append(message.fact)
                continue
            self.known += entry not in first_of_their_id
            if not again:
                said.append((message, entry))
        self.new += len(new)
        await self._remember_keys(said)

    async def withdraw(self, tombstones: Sequence[Tombstone]) -> None:
        news = [tombstone for tombstone in tombstones if not self._is_repeated(tombstone)]
        self.known += len(tombstones) - len(news)
        newest, under, named = await self._withdrawable(news)
        entries: list[FactRow] = []
        for tombstone in news:
            key, name = (tombstone.kind, tombstone.key), (tombstone.kind, tombstone.name)
            subjects = {
                *named.get(name, ()),
                *(subject for subject, said in under.get(key, ()) if recency(newest[subject]) == said),
            }
            current = [newest[subject] for subject in sorted(subjects) if not is_withdrawn(newest[subject])]
            if not current:
                self.idle.append(tombstone)
            for fact in current:
                entries.append(FactRow.of(withdrawal_of(fact), tombstone.source))
                newest[fact.subject] = entries[-1].fact
        withdrawals = await record(self._connection, sorted(entries, key=lambda entry: entry.fact_id))
        self.touched.update(await project(self._connection, withdrawals))
        self.withdrawn += len(withdrawals)

    def _is_repeated(self, message: CatalogueMessage) -> bool:
        source = message.source
        partition = (source.topic, source.partition)
        mark = self._marks.get(partition)
        self._marks[partition] = advance_mark(mark, source.offset, message.at)
        return is_redelivered(mark, source.offset, message.at)

    async def _in_their_epochs(self, entries: Sequence[FactRow], repeated: Sequence[bool]) -> list[FactRow]:
        withdrawals = await self._withdrawals({entry.subject for entry in entries})
        if not withdrawals:
            return [*entries]
        again = {
            entry.subject
            for entry, was in zip(entries, repeated, strict=True)
            if was and entry.subject in withdrawals
        }
        ever = await self._ever_said(again)
        placed: list[FactRow] = []
        for entry, was in zip(entries, repeated, strict=True):
            before = withdrawals.get(entry.subject)
            if before is None:
                placed.append(entry)
                continue
            epoch = epoch_after(max(epoch for epoch, _ in before))
            if was:
                same = [fact.epoch for fact in ever[entry.subject] if states_the_same(fact, entry.fact)]
                epoch = max(same) if same else epoch_of_redelivered(entry.source, before)
            placed.append(FactRow.of(in_epoch(entry.fact, epoch), entry.source))
        return placed

    async def _withdrawals(self, subjects: Iterable[str]) -> Withdrawals:
        found: dict[str, list[tuple[int, MessageSource]]] = defaultdict(list)
        for row in await self._connection.fetch(sql.WITHDRAWALS, sql.SEPARATOR.join(subjects)):
            found[row["subject"]].append((row["epoch"], MessageSource(*row[2:])))
        return found

    async def _ever_said(self, subjects: Collection[str]) -> Mapping[str, list[Fact]]:
        said: dict[str, list[Fact]] = defaultdict(list)
        if subjects:
            between = zip(*map(fact_ids_of, subjects), strict=True)
            rows = await self._connection.fetch(sql.EVER_SAID, *between)
            for fact in read_facts(row["data"] for row in rows):
                said[fact.subject].append(fact)
        return said

    async def _withdrawable(
        self, tombstones: Sequence[Tombstone]
    ) -> tuple[
        dict[str, Fact],
        Mapping[tuple[str, bytes | None], list[tuple[str, tuple[int, int]]]],
        Mapping[tuple[str, str | None], list[str]],
    ]:
        """The newest facts that tombstones may be about, by their subjects; what was said last under their keys, with
        its age; and what their keys name."""
        keys = [(each.key, each.kind) for each in tombstones if each.key is not None]
        under: dict[tuple[str, bytes | None], list[tuple[str, tuple[int, int]]]] = defaultdict(list)
        if keys:
            for row in await self._connection.fetch(sql.SAID_UNDER, *zip(*keys, strict=True)):
                said = (row["subject"], (row["epoch"], row["sequence"]))
                under[row["kind"], row["message_key"]].append(said)
        between = {fact_ids_of(subject) for said in under.values() for subject, _ in said}
        for each in tombstones:
            if each.name is not None:
                between |= {fact_ids_of(each.name)} if each.name.startswith(f"{each.kind}/") else set()
                between |= {fact_ids_about("offer", each.name)} if each.kind == "offer" else set()
        rows = await self._connection.fetch(sql.NEWEST, *zip(*between, strict=True)) if between else []
        newest = {fact.subject: fact for fact in read_facts(row["data"] for row in rows)}
        named: dict[tuple[str, str | None], list[str]] = defaultdict(list)
        for subject, fact in newest.items():
            for name in keys_naming(fact):
                named[fact.kind, name].append(subject)
        return newest, under, named

    async def _remember_keys(self, said: Sequence[tuple[FactMessage, FactRow]]) -> None:
        """Under which keys the newest of these were said; a name needs not to be remembered."""
        last: dict[str, tuple[FactMessage, FactRow]] = {}
        for message, entry in said:
            held = last.get(entry.subject)
            if held is None or recency(entry.fact) >= recency(held[1].fact):
                last[entry.subject] = (message, entry)
        named: list[tuple[str, ...]] = []
        others: list[tuple[object, ...]] = []
        for subject, (message, entry) in sorted(last.items()):
            epoch, sequence = recency(entry.fact)
            if message.key is None or message.key == subject.encode():
                named.append((subject, str(epoch), str(sequence)))
            else:
                others.append((subject, entry.fact.kind, message.key, epoch, sequence))
        if named:
            await self._connection.execute(sql.FORGET_KEYS, *columns(named))
        if others:
            await self._connection.execute(sql.REMEMBER_KEYS, *zip(*others, strict=True))
