"""Partner checkout over Kafka: events, verdicts, states, orders and commands."""

from checkout_client.kafka.commands import CommandSender
from checkout_client.kafka.connection import InvalidConnection, KafkaConnection
from checkout_client.kafka.dead_letters import (
    DeadLetterHook,
    DeadLetterTopic,
    FailedMessages,
    MessageFailed,
    log_and_go_on,
    stop_reading,
)
from checkout_client.kafka.events import EventMessage, EventReader, GapDecision, GapPolicy, Request, fail_on_gap
from checkout_client.kafka.message_reader import Retries
from checkout_client.kafka.messages import EventContext, InvalidMessage, Received, Record, read_context
from checkout_client.kafka.orders import OrderReporter
from checkout_client.kafka.progress import Positions
from checkout_client.kafka.results import NoResult
from checkout_client.kafka.sequencer import Gap, GapDetected
from checkout_client.kafka.states import StateReader
from checkout_client.kafka.topic_reader import PositionLost
from checkout_client.kafka.verdicts import VerdictMessage, VerdictReader
from checkout_client.kafka.versions import RecentVersions, VersionStore

__all__ = [
    "CommandSender",
    "DeadLetterHook",
    "DeadLetterTopic",
    "EventContext",
    "EventMessage",
    "EventReader",
    "FailedMessages",
    "Gap",
    "GapDecision",
    "GapDetected",
    "GapPolicy",
    "InvalidConnection",
    "InvalidMessage",
    "KafkaConnection",
    "MessageFailed",
    "NoResult",
    "OrderReporter",
    "PositionLost",
    "Positions",
    "Received",
    "RecentVersions",
    "Record",
    "Request",
    "Retries",
    "StateReader",
    "VerdictMessage",
    "VerdictReader",
    "VersionStore",
    "fail_on_gap",
    "log_and_go_on",
    "read_context",
    "stop_reading",
]
