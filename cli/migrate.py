"""`checkout migrate`: the database's schema and roles, and the Kafka topics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from cli.output import echo, echo_json, echo_page
from cli.runner import load_settings, run_async

if TYPE_CHECKING:
    from adapters.kafka.topic_checks import SettingDeviation
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

    It changes no existing topic. It says which settings of topics and brokers differ from those that it would give them,
    what goes wrong with them, and which commands of Kafka mend them. `checkout status` reports these problems until
    `checkout migrate` finds them mended.

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
    migrations, topics, deviations = run_async(_migrate(settings, database_roles if roles else None))
    if json:
        made = {"roles": names} if names else {}
        differences = [each.sentence for each in deviations]
        echo_json({**made, "migrations": list(migrations), "topics": list(topics), "differences": differences})
        return
    if names:
        echo(f"roles: {', '.join(names)}")
    echo(f"migrations applied: {', '.join(migrations) or 'none, the schema is up to date'}")
    if settings.kafka_bootstrap_servers is None:
        echo("topics: CHECKOUT_KAFKA_BOOTSTRAP_SERVERS names no broker")
    else:
        echo(f"topics made: {', '.join(topics) or 'none, all are there'}")
        _show_deviations(deviations, settings.kafka_bootstrap_servers)


async def _migrate(
    settings: Settings, roles: DatabaseRoles | None
) -> tuple[Sequence[str], Sequence[str], Sequence[SettingDeviation]]:
    """The applied migrations. Where a broker is named also the topics that were made, and the settings that differ."""
    from adapters.kafka.topic_checks import find_deviations, problems_of
    from adapters.kafka.topics import ensure_topics
    from adapters.postgres.connection_url import database_url
    from adapters.postgres.event_partitions import EventPartitions
    from adapters.postgres.migrator import migrate
    from adapters.postgres.pool import DatabasePool
    from adapters.postgres.worker_status import PostgresWorkerStatusStore

    url = database_url(settings)
    migrations = await migrate(url, roles)
    database = DatabasePool(url)
    await EventPartitions(database).make_ahead()
    if settings.kafka_bootstrap_servers is None:
        return migrations, (), ()
    topics = await ensure_topics(settings)
    deviations = await find_deviations(settings)
    await PostgresWorkerStatusStore(database).record_topic_problems(problems_of(deviations))
    await database.close()
    return migrations, topics, deviations


def _show_deviations(deviations: Sequence[SettingDeviation], servers: str) -> None:
    from adapters.kafka.topic_checks import mending_commands

    for each in deviations:
        echo(f"{'wrong' if each.why else 'differs'}: {each.sentence}")
    if commands := list(mending_commands(deviations, servers)):
        echo("these commands of Kafka give the topics the settings that this release makes them with:")
    for command in commands:
        echo(f"  {command}")
