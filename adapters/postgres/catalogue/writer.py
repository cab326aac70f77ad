"""Records catalogue messages in their order: facts, and tombstones that withdraw facts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
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


async def record_messages(connection: asyncpg.Connection, messages: Sequence[CatalogueMessage]) -> RecordingResult:
    """Records and projects a batch within the connection's transaction."""
    if not messages:
        return RecordingResult()
    await connection.execute(sql.LOCK_WRITERS)
    batch = _Batch(connection)
    await batch.read_marks({(message.source.topic, message.source.partition) for message in messages})
    for are_tombstones, run in groupby(messages, lambda message: isinstance(message, Tombstone)):
        if are_tombstones:
            await batch.withdraw([message for message in run if isinstance(message, Tombstone)])
        else:
            await batch.record([message for message in run if isinstance(message, FactMessage)])
    await batch.write_marks()
    if batch.touched:
        await connection.execute(sql.NOTIFY, sql.CHANNEL, notification(batch.touched))
    return RecordingResult(batch.new, batch.known, tuple(batch.contradicts), batch.withdrawn, tuple(batch.idle))


@dataclass(slots=True)
class _Withdrawable:
    """The newest facts by subject that some tombstones may withdraw."""

    newest: dict[str, Fact]
    keyed: Mapping[tuple[str, bytes | None], list[tuple[str, tuple[int, int]]]]
    """By kind and key: the subjects last stated under the key, with the recency of their facts then."""
    named: Mapping[tuple[str, str | None], list[str]]
    """By kind and name: the subjects that the name names."""

    def by(self, tombstone: Tombstone) -> list[Fact]:
        keyed = self.keyed.get((tombstone.kind, tombstone.key), ())
        subjects = {
            *self.named.get((tombstone.kind, tombstone.name), ()),
            *(subject for subject, then in keyed if recency(self.newest[subject]) == then),
        }
        return [self.newest[each] for each in sorted(subjects) if not is_withdrawn(self.newest[each])]


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

    async def record(self, messages: Sequence[FactMessage]) -> None:
        redelivered = [self._is_redelivered(message) for message in messages]
        rows = await self._in_their_epochs(
            [FactRow.of(message.fact, message.source) for message in messages], redelivered
        )
        firsts: dict[str, FactRow] = {}
        for row in rows:
            firsts.setdefault(row.fact_id, row)
        # In the order of their ids, so that two writers never wait for each other in a circle.
        new = await record(self._connection, [firsts[fact_id] for fact_id in sorted(firsts)])
        self.touched.update(await project(self._connection, new))
        held = {row.fact_id: row.fact for row in new}
        held |= await find_recorded(self._connection, firsts.keys() - held.keys())
        new_rows = set(new)
        stated: list[tuple[FactMessage, FactRow]] = []
        for message, row, is_again in zip(messages, rows, redelivered, strict=True):
            if row.fact != held[row.fact_id]:
                self.contradicts.append(message.fact)
                continue
            self.known += row not in new_rows
            if not is_again:
                stated.append((message, row))
        self.new += len(new)
        await self._record_keys(stated)

    async def withdraw(self, tombstones: Sequence[Tombstone]) -> None:
        new = [tombstone for tombstone in tombstones if not self._is_redelivered(tombstone)]
        self.known += len(tombstones) - len(new)
        withdrawable = await self._withdrawable(new)
        rows: list[FactRow] = []
        for tombstone in new:
            facts = withdrawable.by(tombstone)
            if not facts:
                self.idle.append(tombstone)
            for fact in facts:
                rows.append(FactRow.of(withdrawal_of(fact), tombstone.source))
                withdrawable.newest[fact.subject] = rows[-1].fact
        withdrawals = await record(self._connection, sorted(rows, key=lambda row: row.fact_id))
        self.touched.update(await project(self._connection, withdrawals))
        self.withdrawn += len(withdrawals)

    def _is_redelivered(self, message: CatalogueMessage) -> bool:
        source = message.source
        partition = (source.topic, source.partition)
        mark = self._marks.get(partition)
        self._marks[partition] = advance_mark(mark, source.offset, message.at)
        return is_redelivered(mark, source.offset, message.at)

    async def _in_their_epochs(self, rows: Sequence[FactRow], redelivered: Sequence[bool]) -> list[FactRow]:
        """The rows with the epochs in which they count; only subjects that were ever withdrawn have others."""
        withdrawals = await self._withdrawals({row.subject for row in rows})
        if not withdrawals:
            return [*rows]
        stated = await self._all_about(
            {row.subject for row, is_again in zip(rows, redelivered, strict=True) if is_again} & withdrawals.keys()
        )
        placed: list[FactRow] = []
        for row, is_again in zip(rows, redelivered, strict=True):
            before = withdrawals.get(row.subject)
            if before is None:
                placed.append(row)
                continue
            epoch = epoch_after(max(epoch for epoch, _ in before))
            if is_again:
                same = [fact.epoch for fact in stated[row.subject] if states_the_same(fact, row.fact)]
                epoch = max(same) if same else epoch_of_redelivered(row.source, before)
            placed.append(FactRow.of(in_epoch(row.fact, epoch), row.source))
        return placed

    async def _withdrawals(self, subjects: Iterable[str]) -> Mapping[str, Sequence[tuple[int, MessageSource]]]:
        """The withdrawals of these subjects, each with its epoch and message."""
        found: dict[str, list[tuple[int, MessageSource]]] = defaultdict(list)
        for row in await self._connection.fetch(sql.WITHDRAWALS, sql.SEPARATOR.join(subjects)):
            found[row["subject"]].append((row["epoch"], MessageSource(*row[2:])))
        return found

    async def _all_about(self, subjects: Collection[str]) -> Mapping[str, list[Fact]]:
        """All facts about these subjects, in all epochs."""
        facts: dict[str, list[Fact]] = defaultdict(list)
        if subjects:
            ranges = zip(*map(fact_ids_of, subjects), strict=True)
            for fact in read_facts(row["data"] for row in await self._connection.fetch(sql.ALL_ABOUT, *ranges)):
                facts[fact.subject].append(fact)
        return facts

    async def _withdrawable(self, tombstones: Sequence[Tombstone]) -> _Withdrawable:
        keys = [(each.key, each.kind) for each in tombstones if each.key is not None]
        keyed: dict[tuple[str, bytes | None], list[tuple[str, tuple[int, int]]]] = defaultdict(list)
        if keys:
            for row in await self._connection.fetch(sql.STATED_UNDER, *zip(*keys, strict=True)):
                then = (row["subject"], (row["epoch"], row["sequence"]))
                keyed[row["kind"], row["message_key"]].append(then)
        ranges = {fact_ids_of(subject) for stated in keyed.values() for subject, _ in stated}
        for each in tombstones:
            if each.name is not None and each.name.startswith(f"{each.kind}/"):
                ranges.add(fact_ids_of(each.name))
            if each.name is not None and each.kind == "offer":
                ranges.add(fact_ids_about("offer", each.name))
        rows = await self._connection.fetch(sql.NEWEST, *zip(*ranges, strict=True)) if ranges else []
        newest = {fact.subject: fact for fact in read_facts(row["data"] for row in rows)}
        named: dict[tuple[str, str | None], list[str]] = defaultdict(list)
        for subject, fact in newest.items():
            for name in keys_naming(fact):
                named[fact.kind, name].append(subject)
        return _Withdrawable(newest, keyed, named)

    async def _record_keys(self, stated: Sequence[tuple[FactMessage, FactRow]]) -> None:
        """Records the keys under which the newest of these facts were stated, unless the key is the subject."""
        last: dict[str, tuple[FactMessage, FactRow]] = {}
        for message, row in stated:
            held = last.get(row.subject)
            if held is None or recency(row.fact) >= recency(held[1].fact):
                last[row.subject] = (message, row)
        named: list[tuple[str, ...]] = []
        keyed: list[tuple[object, ...]] = []
        for subject, (message, row) in sorted(last.items()):
            epoch, sequence = recency(row.fact)
            if message.key is None or message.key == subject.encode():
                named.append((subject, str(epoch), str(sequence)))
            else:
                keyed.append((subject, row.fact.kind, message.key, epoch, sequence))
        if named:
            await self._connection.execute(sql.DELETE_KEYS, *columns(named))
        if keyed:
            await self._connection.execute(sql.WRITE_KEYS, *zip(*keyed, strict=True))
