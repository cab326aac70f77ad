"""`checkout migrate`: the database's schema and roles, and the Kafka topics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from cli.output import echo, echo_json, echo_page
from cli.runner import load_settings, run_async

if TYPE_CHECKING:
    from adapters.postgres.roles import DatabaseRoles
    from adapters.settings import Settings


def migrate(
    json: Annotated[bool, typer.Option("--json", help="One JSON line on stdout once all is ready.")] = False,
    roles: Annotated[
        bool,
        typer.Option("--roles", help="First make the database roles, and give them the existing tables."),
    ] = False,
    print_roles: Annotated[
        bool,
        typer.Option("--print-roles", help="Print the SQL that makes the roles, for psql, and do nothing."),
    ] = False,
    role_prefix: Annotated[
        str, typer.Option(help="Prefix of the roles' names: PREFIX_owner, _api, _worker and _operator.")
    ] = "checkout",
) -> None:
    """Brings the database's schema up to date and makes missing Kafka topics.

    In a database with roles, it grants each role its rights again (docs/operations/database-roles.md).
    """
    from adapters.postgres.roles import ROLES, DatabaseRoles, role_name, roles_script

    try:
        database_roles = DatabaseRoles(role_prefix)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--role-prefix") from error
    if print_roles:
        echo_page(roles_script(role_prefix))
        return
    settings = load_settings()
    names: Sequence[str] = ()
    if roles:
        passwords = settings.database_role_passwords
        database_roles = DatabaseRoles(
            role_prefix, {role: password.get_secret_value() for role, password in passwords.items()}
        )
        names = [role_name(role, role_prefix) for role in ROLES]
    migrations, topics = run_async(_migrate(settings, database_roles if roles else None))
    if json:
        made = {"roles": names} if names else {}
        echo_json({**made, "migrations": list(migrations), "topics": list(topics)})
        return
    if names:
        echo(f"roles: {', '.join(names)}")
    echo(f"migrations applied: {', '.join(migrations) or 'none, the schema is up to date'}")
    if settings.kafka_bootstrap_servers is None:
        echo("topics: CHECKOUT_KAFKA_BOOTSTRAP_SERVERS names no broker")
    else:
        echo(f"topics made: {', '.join(topics) or 'none, all are there'}")


async def _migrate(settings: Settings, roles: DatabaseRoles | None) -> tuple[Sequence[str], Sequence[str]]:
    """The applied migrations, and the topics that were made where a broker is named."""
    from adapters.kafka.topics import ensure_topics
    from adapters.postgres.connection_url import database_url
    from adapters.postgres.migrator import migrate

    migrations = await migrate(database_url(settings), roles)
    return migrations, await ensure_topics(settings) if settings.kafka_bootstrap_servers else ()
