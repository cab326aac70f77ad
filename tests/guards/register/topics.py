"""Messages on Kafka, by senders that the broker's rights let in."""

from __future__ import annotations

from tests.guards.guard import Guard

_FACTS = "tests/adapters/wire/test_facts.py::"
_ORDERS = "tests/adapters/kafka/test_order_handler.py::"

TOPICS = (
    Guard(
        "command-organisation",
        "a command without a valid organisation is carried out",
        "adapters/kafka/command_executor.py",
        'partner = storable_header(message.message, "ce_partnerorg", MAX_ORGANISATION_LENGTH)',
        'partner = message.partner or "anybody"',
        ("tests/test_incoming_text.py::test_a_header_of_a_command_refuses_it",),
    ),
    Guard(
        "command-size",
        "a command is as large as Kafka takes it, which HTTP would refuse",
        "adapters/kafka/command_executor.py",
        "if len(message.body) > self._max_body_bytes:",
        "if False:",
        ("tests/adapters/kafka/test_command_executor.py::test_a_command_is_no_larger_than_a_body_over_http",),
    ),
    Guard(
        "command-of-another-organisation",
        "one organisation's command repeats, or blocks, another's by its id",
        "adapters/kafka/command_executor.py",
        'IdempotencyKey(f"{caller.partner}/kafka:{message.type}"',
        'IdempotencyKey(f"/kafka:{message.type}"',
        ("tests/adapters/kafka/test_command_executor.py::test_an_id_of_a_command_is_of_its_organisation",),
    ),
    Guard(
        "fact-members",
        "a restriction that is misspelt widens a fact: everybody gets one partner's price",
        "adapters/wire/facts.py",
        '"extra": "forbid"',
        '"extra": "ignore"',
        (f"{_FACTS}test_an_unknown_member_is_refused_by_its_name",),
    ),
    Guard(
        "fact-types",
        "a guessed type makes another fact of it",
        "adapters/wire/facts.py",
        '_STRICTLY: _Strictly = {"strict": True',
        '_STRICTLY: _Strictly = {"strict": False',
        (f"{_FACTS}test_a_wrong_type_is_not_guessed_and_named_by_its_place",),
    ),
    Guard(
        "fact-contradictions",
        "a fact that ends before it begins decides about baskets",
        "adapters/wire/facts.py",
        ", *find_contradictions(fact)]",
        "]",
        (f"{_FACTS}test_a_fact_that_contradicts_itself_is_refused",),
    ),
    Guard(
        "fact-text",
        "a control character in a name reaches terminals and pages",
        "adapters/wire/facts.py",
        "[*_not_to_be_kept(document, fact), ",
        "[",
        (f"{_FACTS}test_a_control_character_is_refused_and_stored_facts_with_one_stay_readable",),
    ),
    Guard(
        "order-promise",
        "an order rests on the promise of another basket",
        "adapters/kafka/order_handler.py",
        "invalid_promise = promise.basket_id != order.basket_id or version not in (None, promise.basket_version)",
        "invalid_promise = False",
        (f"{_ORDERS}test_a_promise_that_nobody_made_or_of_another_basket_or_version_is_refused",),
    ),
    Guard(
        "order-once",
        "a report that is sent again completes a basket that was opened since",
        "adapters/kafka/order_handler.py",
        'return sha256(f"{sender}\\x1f{message_id}\\x1f{digest}".encode()).hexdigest()',
        "return received.name",
        (f"{_ORDERS}test_a_report_that_its_sender_sends_twice_is_settled_once_and_has_two_results",),
    ),
    Guard(
        "batch-size",
        "a batch of a megabyte unpacks to gigabytes and ends every worker",
        "adapters/kafka/codecs.py",
        "        with mmap.mmap(-1, MAX_UNCOMPRESSED_BYTES) as buffer:",
        "        with mmap.mmap(-1, 2 * MAX_UNCOMPRESSED_BYTES) as buffer:",
        ("tests/adapters/kafka/test_codecs.py::test_a_batch_beyond_the_limit_is_not_decompressed",),
    ),
    Guard(
        "sealed-ids-of-baskets",
        "a message with an odd basket id stops whoever looks for its key",
        "adapters/encryption/stores.py",
        "        and _BASKET_ID.fullmatch(basket_id)\n",
        "",
        ("tests/adapters/encryption/test_published.py::test_a_message_that_names_no_basket_asks_for_no_key",),
    ),
)
