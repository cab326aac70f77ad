from __future__ import annotations

from collections import defaultdict

from adapters.kafka.clients import producer
from adapters.kafka.messages import Message
from adapters.kafka.producer import send_all
from adapters.kafka.topics import BASKET_EVENTS
from adapters.settings import Settings
from tests.basket_traffic import topic_messages
from tests.contracts.catalogue import unique


async def test_messages_lie_where_the_clients_own_partitioner_puts_them_in_their_order(settings: Settings) -> None:
    run = unique("producer")
    keys = [f"{run}-{number}".encode() for number in range(40)]
    # Together they fill several batches of a partition.
    values = [b"%d-" % number + b"x" * 3_000 for number in range(30)]
    client = producer(settings)
    await client.start()
    try:
        chosen = {}
        for key in keys:
            chosen[key] = (await client.send_and_wait(BASKET_EVENTS, b"", key)).partition
        await send_all(client, [Message(BASKET_EVENTS, key, value, (("a", b"1"),)) for value in values for key in keys])
    finally:
        await client.stop()

    found = await topic_messages(settings, BASKET_EVENTS, lambda message: message.key in chosen)
    by_key = defaultdict(list)
    for each in found:
        assert each.message.key is not None
        assert each.source.partition == chosen[each.message.key]
        by_key[each.message.key].append((each.message.value, each.message.headers))
    assert len({*chosen.values()}) > 1
    for key in keys:
        assert by_key[key] == [(b"", ()), *((value, (("a", b"1"),)) for value in values)]


async def test_a_message_without_key_and_value_is_sent_with_an_empty_key(settings: Settings) -> None:
    about = (("run", unique("producer").encode()),)
    client = producer(settings)
    await client.start()
    try:
        await send_all(client, [Message(BASKET_EVENTS, None, None, about), Message(BASKET_EVENTS, None, b"1", about)])
    finally:
        await client.stop()
    found = await topic_messages(settings, BASKET_EVENTS, lambda message: message.headers == about)
    assert {(each.message.key, each.message.value) for each in found} == {(b"", None), (None, b"1")}
