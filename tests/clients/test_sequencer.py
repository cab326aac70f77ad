"""Each event once, without gaps, a request's together: whatever the order in which messages come."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from hypothesis import given
from hypothesis import strategies as st

from checkout_client.kafka.messages import EventContext, Record, read_context
from checkout_client.kafka.progress import Progress
from checkout_client.kafka.sequencer import Group, Sequencer
from tests.clients.event_messages import basket_id, event_headers, old_headers

EventOf = tuple[int, int, int, int]
"""Basket, version, index and count of the request."""

requests = st.lists(st.integers(1, 3), min_size=1, max_size=4)
"""The sizes of a basket's requests."""


def events_of(basket: int, sizes: Iterable[int]) -> list[EventOf]:
    events: list[EventOf] = []
    for size in sizes:
        events += [(basket, len(events) + index, index, size) for index in range(1, size + 1)]
    # `len(events)` grows only after a request.
    return events


def context(event: EventOf, partition: int, offset: int) -> EventContext:
    basket, version, index, count = event
    headers = event_headers(basket_id(basket), version, index, count)
    encoded = tuple((name, text.encode()) for name, text in headers.items())
    return read_context(Record("events", partition, offset, None, None, encoded))


@st.composite
def messages(draw: st.DrawFn) -> tuple[dict[int, list[EventOf]], list[EventContext]]:
    """The events of some baskets, and messages about them: in any order, some of them repeated."""
    wanted = {basket: events_of(basket, draw(requests)) for basket in range(draw(st.integers(1, 3)))}
    all_events = [event for events in wanted.values() for event in events]
    repeated = draw(st.lists(st.sampled_from(all_events), max_size=6))
    order = draw(st.permutations([*all_events, *repeated]))
    return wanted, [context(event, offset % 3, offset // 3) for offset, event in enumerate(order)]


def handed_over(groups: Iterable[Group]) -> dict[str, list[list[int | None]]]:
    found = defaultdict(list)
    for group in groups:
        found[group[0].basket_id].append([event.sequence for event in group])
    return found


def wanted_requests(events: Sequence[EventOf]) -> list[list[int | None]]:
    found: list[list[int | None]] = []
    for _, version, index, _ in events:
        if index == 1:
            found.append([])
        found[-1].append(version)
    return found


@given(messages(), st.data())
def test_any_order_and_repetition_gives_each_request_once_whole_and_in_order(
    made: tuple[dict[int, list[EventOf]], list[EventContext]], data: st.DataObject
) -> None:
    wanted, contexts = made
    sequencer, progress = Sequencer(hold_seconds=30, max_held=1000), Progress("events")
    versions: dict[str, int] = {}
    groups: list[Group] = []
    unfinished: list[Group] = []
    while contexts:
        cut = data.draw(st.integers(1, len(contexts)))
        some, contexts = contexts[:cut], contexts[cut:]
        progress.received([each.record for each in some], {0: 99, 1: 99, 2: 99})
        known = dict.fromkeys(sequencer.unknown(some), 0) | versions
        out = sequencer.receive(some, known, now=0)
        progress.finished(out.duplicates)
        groups += out.groups
        unfinished += out.groups
        for group in unfinished[: data.draw(st.integers(0, len(unfinished)))]:
            unfinished.remove(group)
            versions[group[0].basket_id] = group[-1].sequence or 0
            progress.finished([each.record for each in group])
            progress.finished(sequencer.finished(group))
    assert handed_over(groups) == {basket_id(basket): wanted_requests(events) for basket, events in wanted.items()}
    for group in unfinished:
        progress.finished([each.record for each in group])
        progress.finished(sequencer.finished(group))
    # Every message is finished, be it an event or a repetition, and nothing is kept of it.
    assert progress.positions().offsets == {0: 99, 1: 99, 2: 99}
    assert sequencer.unknown([context(events[0], 0, 0) for events in wanted.values()]) == {
        basket_id(basket) for basket in wanted
    }


def one_basket(*events: tuple[int, int, int]) -> list[EventContext]:
    """Version, index and count of events of one basket, each at the offset of its place."""
    return [context((1, *event), 0, offset) for offset, event in enumerate(events)]


def a_sequencer() -> Sequencer:
    return Sequencer(hold_seconds=30, max_held=10)


def versions_of(groups: Iterable[Group]) -> list[list[int | None]]:
    return [[event.sequence for event in group] for group in groups]


def test_a_request_waits_until_it_is_complete() -> None:
    sequencer, (first, second) = a_sequencer(), one_basket((1, 1, 2), (2, 2, 2))
    assert sequencer.receive([first], {}, 0).groups == []
    assert versions_of(sequencer.receive([second], {}, 0).groups) == [[1, 2]]


def test_a_gap_names_what_is_missing_once_it_is_overdue() -> None:
    sequencer, (later,) = a_sequencer(), one_basket((7, 1, 1))
    assert sequencer.receive([later], {basket_id(1): 4}, now=100).groups == []
    assert sequencer.overdue(now=129) == []
    (gap,) = sequencer.overdue(now=130)
    assert (gap.first, gap.last) == (5, 6)
    assert (
        str(gap) == f"versions 5 to 6 of {basket_id(1)} did not come, but version 7 did (events, partition 0, offset 0)"
    )
    sequencer.wait(basket_id(1), now=130)
    assert sequencer.overdue(now=159) == []
    assert versions_of(sequencer.accept(basket_id(1)).groups) == [[7]]
    assert sequencer.overdue(now=999) == []


def test_a_gap_closes_when_another_process_handled_the_missing_events() -> None:
    sequencer, (sixth, later) = a_sequencer(), one_basket((6, 1, 1), (8, 1, 1))
    sequencer.receive([sixth, later], {basket_id(1): 4}, now=0)
    learned = sequencer.learn(basket_id(1), 7)
    assert [record.offset for record in learned.duplicates] == [0]
    assert versions_of(learned.groups) == [[8]]


def test_a_basket_that_is_not_known_may_begin_with_any_request_but_not_inside_one() -> None:
    sequencer, (inside, anew) = a_sequencer(), one_basket((5, 2, 3), (9, 1, 1))
    assert sequencer.receive([inside], {}, 0).groups == []
    (gap,) = sequencer.overdue(now=30)
    assert (gap.first, gap.last) == (4, 4)
    assert versions_of(a_sequencer().receive([anew], {}, 0).groups) == [[9]]


def test_too_many_held_events_are_overdue_at_once() -> None:
    sequencer = Sequencer(hold_seconds=30, max_held=2)
    sequencer.receive(one_basket((3, 1, 1), (4, 1, 1)), {basket_id(1): 1}, now=0)
    assert sequencer.overdue(now=1) == []
    sequencer.receive(one_basket((5, 1, 1)), {}, now=1)
    assert [gap.first for gap in sequencer.overdue(now=1)] == [2]


def test_events_in_the_old_form_are_requests_of_their_own() -> None:
    contexts = []
    for version in (1, 2):
        headers = tuple((name, text.encode()) for name, text in old_headers(basket_id(1), version).items())
        contexts.append(read_context(Record("events", 0, version, None, None, headers)))
    assert versions_of(a_sequencer().receive(contexts, {}, 0).groups) == [[1], [2]]


def test_a_repeated_event_is_finished_only_with_its_original() -> None:
    sequencer, (event, again) = a_sequencer(), one_basket((1, 1, 1), (1, 1, 1))
    (group,) = sequencer.receive([event], {}, 0).groups
    assert sequencer.receive([again], {}, 0).duplicates == []
    assert sequencer.finished(group) == [again.record]


def test_after_a_rebalance_only_what_is_still_running_is_not_handed_over_again() -> None:
    sequencer, (first, second, third) = a_sequencer(), one_basket((1, 1, 1), (2, 1, 1), (3, 1, 2))
    running, _ = sequencer.receive([first, second, third], {}, 0).groups
    sequencer.revoked([running])
    again = sequencer.receive([first, second], {}, 0)
    assert versions_of(again.groups) == [[2]]
    assert sequencer.finished(running) == [first.record]
