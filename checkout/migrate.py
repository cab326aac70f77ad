"""The database's schema and the Kafka topics."""

from __future__ import annotations

import json

from rich.console import Console

from adapters.kafka.topics import ensure_topics
from adapters.postgres.connecting import database_url
from adapters.postgres.migrate import migrate
from adapters.postgres.roles import ROLES, DatabaseRoles, role_name, roles_script
from adapters.settings import Settings


async def run_migrations(settings: Settings, as_json: bool, role_prefix: str | None = None) -> None:
    """Migrates, and makes missing topics where a broker is named; says what was done. With a prefix it makes the
    database's roles first."""
    roles = None
    if role_prefix is not None:
        passwords = settings.database_role_passwords
        roles = DatabaseRoles(
            role_prefix, {role: each.get_secret_value() for role, each in passwords.items()}
        )
    migrations = await migrate(database_url(settings), roles)
    topics = await ensure_topics(settings) if settings.kafka_bootstrap_servers else ()
    if as_json:
        made = {"roles": [role_name(role, roles.prefix) for role in ROLES]} if roles is not None else {}
        print(json.dumps({**made, "migrations": list(migrations), "topics": list(topics)}))  # noqa: T201
        return
    console = Console(highlight=False)
    if roles is not None:
        console.print(f"roles: {', '.join(role_name(role, roles.prefix) for role in ROLES)}")
    console.print(f"migrations applied: {', '.join(migrations) or 'none, the schema is up to date'}")
    if settings.kafka_bootstrap_servers is None:
        console.print("topics: CHECKOUT_KAFKA_BOOTSTRAP_SERVERS names no broker")
    else:
        console.print(f"topics made: {', '.join(topics) or 'none, all are there'}")


def print_role_script(prefix: str) -> None:
    """Prints what makes the roles. Raises ValueError for a prefix that no role may have."""
    print(roles_script(DatabaseRoles(prefix).prefix), end="")  # noqa: T201
