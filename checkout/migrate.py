"""The database's schema and the Kafka topics."""

from __future__ import annotations

from adapters.kafka.topics import ensure_topics
from adapters.postgres.migrate import migrate
from adapters.service_file import why_none
from adapters.settings import Settings
from adapters.wiring import NotConfigured
from operations.output import json_line, say


async def run_migrations(settings: Settings, as_json: bool) -> None:
    """Migrates, and makes missing topics where a broker is named; says what was done."""
    if settings.database_url is None:
        raise NotConfigured(f"CHECKOUT_DATABASE_URL names no database, and {why_none(settings.data)}")
    migrations = await migrate(settings.database_url.get_secret_value())
    topics = await ensure_topics(settings) if settings.kafka_bootstrap_servers else ()
    if as_json:
        json_line({"migrations": list(migrations), "topics": list(topics)})
        return
    say(f"migrations applied: {', '.join(migrations) or 'none, the schema is up to date'}")
    if settings.kafka_bootstrap_servers is None:
        say("topics: CHECKOUT_KAFKA_BOOTSTRAP_SERVERS names no broker")
    else:
        say(f"topics made: {', '.join(topics) or 'none, all are there'}")
