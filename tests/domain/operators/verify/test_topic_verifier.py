"""The tally of a whole topic and the exact comparison agree."""

from __future__ import annotations

import random
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from domain.operators.verify.published_topic import ExpectedMessage, TopicMessage
from domain.operators.verify.topic_checks import ComparableRange, TopicTally, check_messages

BASKETS = 3
VERSIONS = 4
WHOLE = ComparableRange({0: 0}, lambda _: (0,))


def expected() -> list[ExpectedMessage]:
    """Events of some baskets, interleaved."""
    return [
        ExpectedMessage(f"b-{basket}", version, BASKETS * (version - 1) + basket + 1, b"%d/%d" % (basket, version))
        for version in range(1, VERSIONS + 1)
        for basket in range(BASKETS)
    ]


def messages(events: list[ExpectedMessage]) -> list[TopicMessage]:
    return [
        TopicMessage(event.basket_id, event.version, event.digest, 0, offset) for offset, event in enumerate(events)
    ]


def inconsistencies(
    found: list[TopicMessage], upto: int, *, repeats: bool, beginnings: ComparableRange = WHOLE
) -> tuple[set[str], set[str]]:
    """The suspects of the tally, and the baskets with inconsistencies."""
    tally = TopicTally("t", beginnings, upto, repeats_allowed=repeats)
    tally.add_found(found)
    tally.add_expected(expected())
    wrong = set()
    for basket_id in {event.basket_id for event in expected()} | {each.basket_id or "" for each in found}:
        of_it = [each for each in found if each.basket_id == basket_id]
        wanted = [event for event in expected() if event.basket_id == basket_id]
        if check_messages("t", basket_id, of_it, wanted, beginnings, upto, repeats_allowed=repeats):
            wrong.add(basket_id)
    return tally.suspects(), wrong


@given(st.data(), st.integers(0, BASKETS * VERSIONS), st.booleans())
def test_the_tally_suspects_every_basket_with_an_inconsistency(data: st.DataObject, upto: int, repeats: bool) -> None:
    found = messages(expected())
    for what in data.draw(st.lists(st.sampled_from(["lose", "repeat", "swap", "change", "add", "replay"]), max_size=3)):
        at = data.draw(st.integers(0, len(found) - 1)) if found else 0
        if what == "lose" and found:
            del found[at]
        elif what == "repeat" and found:
            found.insert(data.draw(st.integers(at, len(found))), found[at])
        elif what == "swap" and found:
            other = data.draw(st.integers(0, len(found) - 1))
            found[at], found[other] = found[other], found[at]
        elif what == "change" and found:
            found[at] = TopicMessage(found[at].basket_id, found[at].version, b"other", 0, at)
        elif what == "replay" and found:
            again = data.draw(st.sampled_from(messages(expected())))
            found.insert(at, replace(again, replay=True))
        elif what == "add":
            found.insert(at, TopicMessage("b-0", VERSIONS + 1, b"new", 0, 99))
    suspected, wrong = inconsistencies(found, upto, repeats=repeats)
    # A repeat's bytes are not looked at in the tally where repeats are allowed; all else is.
    repeated = {each.basket_id for each in found if found.count(each) > 1 or _is_repeat(each, found)}
    assert wrong - suspected <= (repeated if repeats else set())


def _is_repeat(each: TopicMessage, found: list[TopicMessage]) -> bool:
    return sum((each.basket_id, each.version) == (other.basket_id, other.version) for other in found) > 1


@given(st.integers(0, BASKETS * VERSIONS), st.integers(0, BASKETS * VERSIONS))
def test_messages_beyond_the_publishers_record_are_consistent(upto: int, more: int) -> None:
    there = messages(expected()[: min(upto + more, BASKETS * VERSIONS)])
    assert inconsistencies(there, upto, repeats=False) == (set(), set())


@given(st.integers(0, BASKETS * VERSIONS), st.integers(0, BASKETS * VERSIONS - 1))
def test_a_publisher_that_starts_again_at_any_position_repeats_messages_and_leaves_no_gap(again: int, at: int) -> None:
    sent = messages(expected())
    upto = BASKETS * VERSIONS
    begun_again = [*sent[:again], *sent[min(at, again) :]]
    assert inconsistencies(begun_again, upto, repeats=True) == (set(), set())
    if at < again:
        assert inconsistencies(begun_again, upto, repeats=False)[1]


@given(st.integers(0, BASKETS * VERSIONS))
def test_messages_deleted_by_retention_are_not_missing(gone: int) -> None:
    left = messages(expected())[gone:]
    begins = ComparableRange({0: gone + 1 if left else None}, lambda _: (0,))
    assert inconsistencies(left, BASKETS * VERSIONS, repeats=False, beginnings=begins) == (set(), set())
    if gone > 1 and left:
        # One that lies behind the beginning is missed.
        random.seed(gone)
        hole = random.randrange(len(left))
        without = left[:hole] + left[hole + 1 :]
        suspected, wrong = inconsistencies(without, BASKETS * VERSIONS, repeats=False, beginnings=begins)
        assert wrong == {left[hole].basket_id}
        assert wrong <= suspected


@given(st.data(), st.sampled_from(["nothing", "lose", "swap", "repeat"]))
def test_a_basket_whose_key_moved_to_an_added_partition_is_consistent_unless_something_is_wrong(
    data: st.DataObject, what: str
) -> None:
    added_at = data.draw(st.integers(0, BASKETS * VERSIONS))
    old, new = messages(expected()[:added_at]), messages(expected()[added_at:])
    new = [replace(each, partition=1) if each.basket_id == "b-1" else each for each in new]
    partitions = [[each for each in old + new if each.partition == number] for number in (0, 1)]
    wrong: set[str] = set()
    where = data.draw(st.sampled_from(partitions).filter(len))
    at = data.draw(st.integers(0, len(where) - 1))
    if what == "lose":
        wrong = {where.pop(at).basket_id or ""}
    elif what == "repeat":
        where.append(where[at])
        wrong = {where[at].basket_id or ""}
    elif what == "swap":
        later = [each for each in where[at + 1 :] if each.basket_id == where[at].basket_id]
        if later:
            other = where.index(later[0])
            where[at], where[other] = where[other], where[at]
            wrong = {where[at].basket_id or ""}
    # The partitions come in any order.
    found = [each for partition in data.draw(st.permutations(partitions)) for each in partition]
    both = ComparableRange({0: 0, 1: 0}, lambda _: (0, 1))
    suspected, inconsistent = inconsistencies(found, BASKETS * VERSIONS, repeats=False, beginnings=both)
    assert inconsistent == wrong
    assert wrong <= suspected
    if not wrong:
        assert suspected == set()


def test_what_retention_deleted_in_a_keys_old_partition_is_not_missing() -> None:
    left = [replace(each, partition=1) for each in messages(expected())[9:]]
    begins = ComparableRange({0: 10, 1: 0}, lambda _: (0, 1))
    assert inconsistencies(left, BASKETS * VERSIONS, repeats=False, beginnings=begins) == (set(), set())


def test_the_comparable_part_of_a_topic_is_reported() -> None:
    assert ComparableRange({0: 0, 1: 0}, lambda _: (0,)).whole_from == 0
    assert ComparableRange({0: 0, 1: 7}, lambda _: (0,)).whole_from == 7
    assert ComparableRange({0: 0, 1: None}, lambda _: (0,)).whole_from is None
