"""The database's schema and the Kafka topics."""

from __future__ import annotations

from collections.abc import Mapping

import typer

from adapters.kafka.topics import ensure_topics
from adapters.postgres.connection_url import database_url
from adapters.postgres.migrator import migrate
from adapters.postgres.roles import ROLES, DatabaseRoles, Role, role_name, roles_script
from adapters.settings import Settings
from cli.output import echo, echo_json, echo_page


async def run_migrations(settings: Settings, as_json: bool, role_prefix: str | None = None) -> None:
    """Migrates, and makes missing topics where a broker is named; says what was done. With a prefix it makes the
    database's roles first."""
    roles = None
    if role_prefix is not None:
        passwords = settings.database_role_passwords
        roles = _roles(role_prefix, {role: each.get_secret_value() for role, each in passwords.items()})
    names = [role_name(role, roles.prefix) for role in ROLES] if roles is not None else []
    migrations = await migrate(database_url(settings), roles)
    topics = await ensure_topics(settings) if settings.kafka_bootstrap_servers else ()
    if as_json:
        echo_json(
            {**({"roles": names} if names else {}), "migrations": list(migrations), "topics": list(topics)}
        )
        return
    if names:
        echo(f"roles: {', '.join(names)}")
    echo(f"migrations applied: {', '.join(migrations) or 'none, the schema is up to date'}")
    if settings.kafka_bootstrap_servers is None:
        echo("topics: CHECKOUT_KAFKA_BOOTSTRAP_SERVERS names no broker")
    else:
        echo(f"topics made: {', '.join(topics) or 'none, all are there'}")


def print_role_script(prefix: str) -> None:
    """Prints what makes the roles. Raises typer.BadParameter for a prefix that no role may have."""
    echo_page(roles_script(_roles(prefix, {}).prefix))


def _roles(prefix: str, passwords: Mapping[Role, str]) -> DatabaseRoles:
    try:
        return DatabaseRoles(prefix, passwords)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--role-prefix") from error
