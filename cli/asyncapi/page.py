"""The page docs/topics.md: every topic with its promises, its messages, their headers, and examples."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import timedelta

from adapters.asyncapi.document import example_value
from adapters.asyncapi.example_messages import ExampleMessage, examples
from adapters.asyncapi.headers import HeaderGroup, HeaderSpec
from adapters.asyncapi.messages import MessageSpec
from adapters.asyncapi.topics import INTERNAL_TOPICS, PUBLISHED_TOPICS, TopicSpec
from domain.shared.formatting import count_noun

_MOST_EXAMPLES = 2
"""Of one message; the AsyncAPI document has them all."""

_INTRODUCTION = """\
# Topics on Kafka
Every topic: what it promises, its messages, their headers, and an example of each. The examples are real: the code \
that makes messages made them. The same for programs is the AsyncAPI document, [asyncapi.json](asyncapi.json); a \
running service serves its own at `/asyncapi.json`, and each schema at `/schemas/<name>.json`. What its values mean \
for readers: [schemas](schemas/README.md). This page and that document are made by `checkout asyncapi`.

Messages that this service sends are CloudEvents 1.0 in binary mode: attributes are headers `ce_…`, the value is JSON \
in UTF-8. Ignore headers, members and types of messages that you do not know: more may come. Read with \
`isolation.level=read_committed`. With a broker that has no transactions \
(`CHECKOUT_KAFKA_DELIVERY=at_least_once`), exactly once becomes at least once."""


def topics_page() -> str:
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield _INTRODUCTION
    yield from ["", "| topic | what | written by | read by | kept |", "|---|---|---|---|---|"]
    for topic in PUBLISHED_TOPICS:
        link = f"[`{topic.name}`](#{_anchor(topic.name)})"
        yield f"| {link} | {topic.title} | {topic.writers} | {topic.readers} | {_kept(topic)} |"
    for name in INTERNAL_TOPICS:
        yield f"| `{name}` | Internal: nothing is promised of it. | the service | the service | |"
    for topic in PUBLISHED_TOPICS:
        yield from _topic(topic)


def _topic(topic: TopicSpec) -> Iterator[str]:
    yield from ["", f"## {topic.name}", f"{topic.about} Written by: {topic.writers}. Read by: {topic.readers}.", ""]
    yield from ["| | |", "|---|---|"]
    yield f"| key | {topic.key.description} |"
    yield f"| order | {topic.ordering_note} |"
    yield f"| delivery | {topic.delivery_note} |"
    yield f"| kept | {_kept(topic)} |"
    yield f"| topic settings | {', '.join(f'`{name}={value}`' for name, value in topic.topic.settings.items())} |"
    if topic.reply is not None:
        yield f"| results | on [`{topic.reply}`](#{_anchor(topic.reply)}) |"
    if topic.group is not None:
        yield f"| consumer group of this service | `{topic.group}` |"
    shared = [group for group in topic.messages[0].groups if all(group in spec.groups for spec in topic.messages)]
    yield from _headers(shared, topic.messages, "" if len(topic.messages) == 1 else " of all messages")
    for spec in topic.messages:
        yield from _message(topic, spec, [group for group in spec.groups if group not in shared])


def _message(topic: TopicSpec, spec: MessageSpec, groups: Sequence[HeaderGroup]) -> Iterator[str]:
    heading = spec.title if spec.name == topic.name or spec.schema is None else spec.name
    yield from ["", f"### {heading}", _meaning(spec)]
    yield from _headers(groups, [spec], " of this message")
    yield from _members(spec)
    for example in examples()[spec.name][:_MOST_EXAMPLES]:
        yield from _example(example)


def _meaning(spec: MessageSpec) -> str:
    if spec.schema is None:
        return f"{spec.meaning} A tombstone: the message has no value."
    return f"{spec.meaning} [Schema](schemas/{spec.schema.file_name})."


def _headers(groups: Sequence[HeaderGroup], specs: Sequence[MessageSpec], of_what: str) -> Iterator[str]:
    """The headers of these groups, in messages that have all of them."""
    if not groups:
        return
    yield from ["", f"| header{of_what} | | |", "|---|---|---|"]
    for header in (header for group in groups for header in group.headers):
        known = ", ".join(f"`{code}`" for code in header.constraints.get("examples", ()))
        words = f"{_description(header, specs)} Known: {known}." if known else _description(header, specs)
        yield f"| `{header.name}` | {'always' if header.required else ''} | {words} |"
    yield from (f"| `{group.others.name}…` | | {group.others.description} |" for group in groups if group.others)


def _members(spec: MessageSpec) -> Iterator[str]:
    """The members of the value, each with its meaning; the schema says what is in them."""
    schema = spec.schema.schema() if spec.schema else {}
    members = schema.get("properties", {})
    if members:
        yield from ["", "| member | | |", "|---|---|---|"]
    for name, member in members.items():
        words = member["description"].replace("|", "\\|")
        yield f"| `{name}` | {'always' if name in schema.get('required', ()) else ''} | {words} |"


def _description(header: HeaderSpec, specs: Sequence[MessageSpec]) -> str:
    """What the messages say of the header themselves, each thing once, else what its group says."""
    own = [str(spec.constraints.get(header.name, {}).get("description", header.description)) for spec in specs]
    return " Or: ".join(dict.fromkeys(own))


def _example(example: ExampleMessage) -> Iterator[str]:
    message = example.message
    yield from ["", f"{example.title}:", "```"]
    yield f"key: {(message.key or b'').decode()}"
    yield from (f"{name}: {value.decode()}" for name, value in message.headers)
    value = example_value(message)
    if message.value is not None:
        yield ""
        yield value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)
    yield "```"


def _kept(topic: TopicSpec) -> str:
    if topic.is_compacted:
        return "compacted: the newest message of each key"
    kept = topic.retention_milliseconds or 0
    return "for ever" if kept < 0 else count_noun(timedelta(milliseconds=kept).days, "day")


def _anchor(heading: str) -> str:
    """The anchor of a heading, as code hosts make it."""
    return "".join(letter for letter in heading.lower() if letter.isalnum() or letter in "-_ ").replace(" ", "-")
