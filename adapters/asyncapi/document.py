"""The AsyncAPI 3.0 document, made of the topics, their messages and the published schemas."""

from __future__ import annotations

import json
from collections.abc import Sequence

from pydantic import JsonValue

from adapters.asyncapi.component_schemas import component_schemas, reference
from adapters.asyncapi.example_messages import examples
from adapters.asyncapi.headers import HeaderGroup
from adapters.asyncapi.messages import MessageSpec
from adapters.asyncapi.schemas import Document
from adapters.asyncapi.topics import PUBLISHED_TOPICS, Delivery, Tag, TopicSpec
from adapters.kafka.messages import Message
from adapters.kafka.topics import topic_settings
from adapters.settings import Settings

VERSION = "3.0.0"
_BINDING_VERSION = "0.5.0"
_REPLICAS = 3
"""What the settings of topics assume where the settings of the service do not say."""

_DESCRIPTION = """\
The topics of partner checkout: what order services, partner gateways and the catalogue read and write.

Operations are this service's own: it `send`s what you read, and `receive`s what you write. Every message that it sends
is a CloudEvent 1.0 in binary mode: attributes are headers `ce_…`, the value is JSON in UTF-8. Each message's value has
a JSON Schema, whose URI is in `ce_dataschema`; the API serves it as `/schemas/<ce_type>.json`.

Ignore members and headers that you do not know, and messages of a `ce_type` that you do not know: more may come.
Nothing is renamed or removed under one type name. `x-promises` of a channel says in fixed words what may be relied on.
"""
TAGS: dict[Tag, str] = {
    "baskets": "What happens to baskets, and how they are.",
    "verdicts": "Whether baskets may become orders.",
    "commands": "Commands by way of Kafka, and their results.",
    "orders": "Orders placed from baskets, and what became of them.",
    "catalogue": "What is sold, at which price, and how strictly it is judged.",
    "operations": "For operators of this service.",
}


_VARIABLES = {
    "host": {"default": "localhost", "description": "A broker's host; the operator of the service names it."},
    "port": {"default": "9092", "description": "Its port."},
}
_SECURITY_SCHEMES = {
    "certificate": {"type": "X509", "description": "A client certificate."},
    "scramSha512": {"type": "scramSha512", "description": "SASL/SCRAM-SHA-512 over TLS."},
    "scramSha256": {"type": "scramSha256", "description": "SASL/SCRAM-SHA-256 over TLS."},
    "plain": {"type": "plain", "description": "SASL/PLAIN over TLS."},
}
_SERVERS = {
    "secure": {
        "host": "{host}:{port}",
        "protocol": "kafka-secure",
        "description": "A Kafka cluster with TLS. Its operator says which way to sign in it takes.",
        "variables": _VARIABLES,
        "security": [{"$ref": f"#/components/securitySchemes/{name}"} for name in _SECURITY_SCHEMES],
    },
    "local": {
        "host": "{host}:{port}",
        "protocol": "kafka",
        "description": "A broker without TLS, as `checkout up` starts one.",
        "variables": _VARIABLES,
    },
}


def asyncapi_document(settings: Settings, release: str) -> Document:
    """Partitions, replicas and the delivery are those of the settings."""
    return {
        "asyncapi": VERSION,
        "id": "urn:checkout:topics",
        "info": {
            "title": "Partner checkout topics",
            "version": release,
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
            "tags": [{"name": name, "description": text} for name, text in TAGS.items()],
        },
        "defaultContentType": "application/json",
        "servers": _SERVERS,
        "channels": {topic.name: _channel(topic, settings) for topic in PUBLISHED_TOPICS},
        "operations": {_operation_name(topic): _operation(topic) for topic in PUBLISHED_TOPICS},
        "components": {
            "schemas": component_schemas(),
            "messages": {spec.name: _message(spec, topic) for topic in PUBLISHED_TOPICS for spec in topic.messages},
            "messageTraits": {group.name: _trait(group) for group in _groups()},
            "securitySchemes": _SECURITY_SCHEMES,
        },
    }


def delivery_of(topic: TopicSpec, settings: Settings) -> Delivery:
    """What the topic promises with the broker of the settings."""
    return topic.delivery if settings.kafka_delivery == "exactly_once" else "at_least_once"


def _channel(topic: TopicSpec, settings: Settings) -> Document:
    replicas = settings.kafka_replication_factor
    given = topic_settings(topic.topic, replicas or _REPLICAS)
    return {
        "address": topic.name,
        "title": topic.title,
        "summary": topic.about,
        "description": f"{topic.about}\n\n{topic.ordering_note}\n\n{_delivery_note(topic, settings)}",
        "messages": {spec.name: {"$ref": f"#/components/messages/{spec.name}"} for spec in topic.messages},
        "tags": [{"name": topic.tag}],
        "bindings": {
            "kafka": {
                "partitions": topic.topic.partitions or settings.kafka_partitions,
                **({"replicas": replicas} if replicas else {}),
                "topicConfiguration": {name: _setting(name, value) for name, value in given.items()},
                "bindingVersion": _BINDING_VERSION,
            }
        },
        "x-writers": topic.writers,
        "x-readers": topic.readers,
        "x-promises": {
            "key": topic.key.name,
            "ordering": topic.ordering,
            "delivery": delivery_of(topic, settings),
            "compacted": topic.is_compacted,
            "retentionMilliseconds": topic.retention_milliseconds,
        },
    }


def _delivery_note(topic: TopicSpec, settings: Settings) -> str:
    if delivery_of(topic, settings) == topic.delivery:
        return topic.delivery_note
    return "Each message is there at least once: the broker has no transactions, so a crash may send messages again."


def _setting(name: str, value: str) -> JsonValue:
    """A setting of a topic as the Kafka binding has it."""
    if name == "cleanup.policy":
        return [*value.split(",")]
    return int(value) if value.lstrip("-").isdecimal() else float(value)


def _operation_name(topic: TopicSpec) -> str:
    """`checkout.basket-events.v1` → `sendBasketEvents`."""
    words = topic.name.split(".")[1].split("-")
    return topic.action + "".join(word.capitalize() for word in words)


def _operation(topic: TopicSpec) -> Document:
    operation: Document = {
        "action": topic.action,
        "channel": {"$ref": f"#/channels/{topic.name}"},
        "title": topic.title,
        "summary": f"Written by {topic.writers}; read by {topic.readers}.",
        "tags": [{"name": topic.tag}],
        "messages": _messages_of(topic),
    }
    if topic.group is not None:
        group = {"type": "string", "const": topic.group}
        operation["bindings"] = {"kafka": {"groupId": group, "bindingVersion": _BINDING_VERSION}}
    if topic.reply is not None:
        (reply,) = (other for other in PUBLISHED_TOPICS if other.name == topic.reply)
        operation["reply"] = {"channel": {"$ref": f"#/channels/{reply.name}"}, "messages": _messages_of(reply)}
    return operation


def _messages_of(topic: TopicSpec) -> list[Document]:
    return [{"$ref": f"#/channels/{topic.name}/messages/{spec.name}"} for spec in topic.messages]


def _message(spec: MessageSpec, topic: TopicSpec) -> Document:
    own: Document = {
        "type": "object",
        "properties": {
            header.name: {**header.schema(), **constraints}
            for header in spec.headers()
            if (constraints := spec.own_constraints().get(header.name))
        },
        # A message's list replaces the lists of its traits, so it has all names.
        "required": [header.name for header in spec.headers() if header.required],
    }
    message: Document = {
        "name": spec.name,
        "title": spec.title,
        "summary": spec.meaning,
        "contentType": spec.content_type,
        "tags": [{"name": topic.tag}],
        "headers": {name: part for name, part in own.items() if part},
        "payload": {"type": "null"} if spec.schema is None else reference(spec.schema.name),
        "bindings": {"kafka": {"key": topic.key.schema(), "bindingVersion": _BINDING_VERSION}},
        "traits": [{"$ref": f"#/components/messageTraits/{group.name}"} for group in spec.groups],
        "examples": [
            {"name": f"{spec.name}-{number}", "summary": each.title, **_example(each.message)}
            for number, each in enumerate(examples()[spec.name], 1)
        ],
    }
    if spec.correlation is not None:
        message["correlationId"] = {"location": f"$message.header#/{spec.correlation}"}
    return message


def _example(message: Message) -> Document:
    headers = {name: value.decode() for name, value in message.headers}
    return {"headers": headers, "payload": example_value(message)}


def example_value(message: Message) -> JsonValue:
    """The value of an example: JSON where it is JSON, else its text."""
    if message.value is None:
        return None
    if message.header("content-type") == "application/octet-stream":
        return message.value.decode()
    value: JsonValue = json.loads(message.value)
    return value


def _groups() -> Sequence[HeaderGroup]:
    """All groups of headers, each once."""
    found = (group for topic in PUBLISHED_TOPICS for spec in topic.messages for group in spec.groups)
    return [*{group.name: group for group in found}.values()]


def _trait(group: HeaderGroup) -> Document:
    described: Document = {"type": "object", "properties": {each.name: each.schema() for each in group.headers}}
    required = [header.name for header in group.headers if header.required]
    if required:
        described["required"] = required
    if group.others is not None:
        described["patternProperties"] = {f"^{group.others.name}": group.others.schema()}
    return {"title": group.title, "headers": described}
