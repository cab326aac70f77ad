"""Each database role may do what its processes do, and nothing else."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
from msgspec.structs import replace

from adapters.postgres import roles as roles_module
from adapters.postgres.catalogue.catalogue import PostgresCatalogue
from adapters.postgres.dead_letter_store import PostgresDeadLetterStore
from adapters.postgres.event_store.append import APPEND_BATCH, columns
from adapters.postgres.event_store.store import PostgresEventStore
from adapters.postgres.migrator import MigrationForbidden, migrate
from adapters.postgres.pool import DatabasePool
from adapters.postgres.read_models.basket_views import PostgresBasketViews
from adapters.postgres.roles import ROLES, DatabaseRoles, Role, role_name, roles_script
from adapters.postgres.worker_status import PostgresWorkerStatusStore
from domain.basket.projection import BasketProjection
from domain.catalogue.epochs import FactMessage, Tombstone
from domain.operators.status.model import ServiceProcess
from domain.shared.errors import StoreForbidden
from domain.shared.values import MessageSource
from tests.adapters.postgres.conftest import DAY
from tests.basket_traffic import BasketTraffic
from tests.builders import NOW, price
from tests.builders.appends import a_stream, an_append
from tests.rebuild_steps import OPERATOR, generations, rebuild_all, rebuilds_of
from tests.servers.postgres import PREFIX, Databases
from tests.servers.processes import Program
from workers.heartbeat import Heartbeat

SERVING: tuple[Role, ...] = ("api", "worker", "operator")
RIGHTS = Path(roles_module.__file__).with_name("rights.sql").read_text(encoding="utf-8")
PAGE = Path(__file__).parents[3] / "docs" / "operations" / "database-roles.md"

refused = pytest.raises(asyncpg.InsufficientPrivilegeError)


@asynccontextmanager
async def signed_in(url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


async def ask(url: str, statement: str, *values: object) -> object:
    async with signed_in(url) as connection:
        return await connection.fetchval(statement, *values)


async def order(url: str, *statements: str) -> None:
    async with signed_in(url) as connection:
        for statement in statements:
            await connection.execute(statement)


# --- what happened stays as it was written -------------------------------------------------------------------------

APPEND_ONLY = [
    "INSERT INTO events (stream_id, version, type, data, metadata) VALUES ('s', 1, 't', '', '')",
    "SELECT set_config('checkout.appending', pg_current_xact_id()::text, true); INSERT INTO events DEFAULT VALUES",
    "UPDATE events SET data = '{}'",
    "DELETE FROM events",
    "TRUNCATE events",
    "COPY events (stream_id, version, type, data, metadata) FROM PROGRAM 'true'",
    "SELECT * FROM events FOR UPDATE",
    "DO 'BEGIN LOCK TABLE events IN ROW EXCLUSIVE MODE; END'",
    "ALTER TABLE events DISABLE TRIGGER ALL",
    "ALTER TABLE events DISABLE TRIGGER events_stay_as_they_are",
    "ALTER TABLE events ADD COLUMN more int",
    "ALTER TABLE events RENAME TO others",
    "ALTER TABLE events SET SCHEMA checkout_kept",
    "ALTER TABLE events OWNER TO CURRENT_USER",
    "DROP TABLE events CASCADE",
    "DROP TRIGGER events_stay_as_they_are ON events",
    "CREATE TRIGGER before_all BEFORE INSERT ON events EXECUTE FUNCTION refuse_change_of_events()",
    "CREATE RULE nothing AS ON INSERT TO events DO INSTEAD NOTHING",
    "SET session_replication_role = replica",
    "DROP FUNCTION append_events",
    "CREATE OR REPLACE FUNCTION refuse_change_of_events() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
    # What append_events calls would be looked for here too, and would run as the owner.
    "CREATE FUNCTION public.cardinality(int[]) RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE TABLE public.mine ()",
    "CREATE SCHEMA mine",
    f"SET ROLE {role_name('owner', PREFIX)}",
    f"GRANT {role_name('owner', PREFIX)} TO CURRENT_USER",
    "SELECT setval(pg_get_serial_sequence('events', 'position'), 1)",
]


@pytest.fixture(scope="module")
async def one_event(databases: Databases) -> AsyncIterator[str]:
    """A database that holds one event, for its administrator."""
    url = await databases.fresh()
    async with signed_in(databases.signed_in(url, "api")) as connection:
        await connection.execute(APPEND_BATCH, *columns([an_append(a_stream())]), DAY, False)
    yield url
    await databases.drop(url)


@pytest.mark.parametrize("role", SERVING)
@pytest.mark.parametrize("statement", APPEND_ONLY)
async def test_no_process_may_change_stored_events_or_their_guards(
    databases: Databases, one_event: str, role: Role, statement: str
) -> None:
    async with signed_in(databases.signed_in(one_event, role)) as connection:
        with refused:
            await connection.execute(statement)
        assert await connection.fetchval("SELECT array_agg(version) FROM events") == [1]


@pytest.mark.parametrize("role", SERVING)
async def test_every_process_appends_through_the_function(databases: Databases, role: Role) -> None:
    url = await databases.fresh(role)
    async with signed_in(url) as connection:
        rows = await connection.fetch(APPEND_BATCH, *columns([an_append(a_stream())]), DAY, False)
        assert [row["outcome"] for row in rows] == ["appended"]
    await databases.drop(url)


@pytest.mark.parametrize("role", ["worker", "operator"])
async def test_the_catalogue_worker_may_withdraw_facts_and_store_keys(databases: Databases, role: Role) -> None:
    url = await databases.fresh(role)
    database = DatabasePool(url)
    facts = PostgresCatalogue(database, 1)
    said, at = price("o-1"), MessageSource("catalogue.prices.v1", 0, 0)
    try:
        for messages in (
            [FactMessage(said, at, b"o-1", NOW)],
            [Tombstone("price", b"o-1", replace(at, offset=1), NOW)],
            [FactMessage(said, replace(at, offset=2), said.subject.encode(), NOW)],
        ):
            learned = await facts.record(messages)
            assert learned.new + learned.withdrawn == 1
    finally:
        await facts.close()
        await database.close()
    await databases.drop(url)


@pytest.mark.parametrize(
    ("role", "statement"),
    [
        ("api", "UPDATE basket_views SET version = 1"),
        ("api", "SELECT value FROM dead_letters"),
        ("api", "INSERT INTO catalogue_facts DEFAULT VALUES"),
        ("api", "DELETE FROM answers"),
        ("api", "SELECT FROM operator_actions"),
        ("api", "CREATE TEMPORARY TABLE mine ()"),
        ("worker", "UPDATE data_keys SET wrapped = NULL"),
        ("worker", "DELETE FROM basket_subjects"),
        ("worker", "UPDATE answers SET body = ''"),
        ("worker", "INSERT INTO operator_actions DEFAULT VALUES"),
        ("worker", "UPDATE rebuilds SET state = 'switched'"),
        ("operator", "UPDATE catalogue_facts SET data = ''"),
        ("operator", "DELETE FROM operator_actions"),
        ("operator", "UPDATE alembic_version SET version_num = '0001'"),
        ("operator", "ALTER TABLE basket_views ADD COLUMN more int"),
        ("operator", "CREATE TABLE checkout_rebuilt.mine ()"),
    ],
)
async def test_a_process_has_no_right_that_it_does_not_need(
    databases: Databases, one_event: str, role: Role, statement: str
) -> None:
    # A copy of a database has what PostgreSQL gives everybody on a new one.
    await order(one_event, f"REVOKE TEMPORARY ON DATABASE {one_event.rpartition('/')[2]} FROM PUBLIC")
    async with signed_in(databases.signed_in(one_event, role)) as connection:
        with refused:
            await connection.execute(statement)


async def test_a_forbidden_statement_names_the_setting_of_a_role_that_may(databases: Databases, one_event: str) -> None:
    database = DatabasePool(databases.signed_in(one_event, "api"))
    with pytest.raises(StoreForbidden, match="CHECKOUT_OPERATOR_DATABASE_URL"):
        async with database.connection() as connection:
            await connection.execute("DELETE FROM data_keys")
    await database.close()


@pytest.mark.parametrize("role", SERVING)
async def test_every_process_may_read_the_service_status(databases: Databases, one_event: str, role: Role) -> None:
    database = DatabasePool(databases.signed_in(one_event, role))
    states, letters = PostgresWorkerStatusStore(database), PostgresDeadLetterStore(database)
    await states.report(ServiceProcess("an instance", "a host", 1, "a release"), [await Heartbeat("api").report()])
    assert [each.worker for each in (await states.read()).reports] == ["api"]
    assert await letters.counts() == []
    await letters.close()
    await database.close()


# --- rights are said for all there is ---------------------------------------------------------------------------------

ALL_THERE_IS = """
SELECT relname::text FROM pg_class
 WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND NOT relispartition
 UNION
SELECT proname::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace
"""

# Who may do what with the tables and functions of the service; of single columns too.
GIVEN = """
SELECT relname::text AS name,
       ARRAY(SELECT right_ FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES',
                                             'TRIGGER']) AS right_
              WHERE has_table_privilege($1, class.oid, right_)) AS whole,
       ARRAY(SELECT right_ || ' of ' || string_agg(attname, ', ' ORDER BY attnum)
               FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE']) AS right_, pg_attribute
              WHERE attrelid = class.oid AND attnum > 0 AND NOT attisdropped
                AND NOT has_table_privilege($1, class.oid, right_)
                AND has_column_privilege($1, class.oid, attnum, right_)
              GROUP BY right_) AS parts
  FROM pg_class class
 WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'S') AND NOT relispartition
 UNION ALL
SELECT proname || '()', ARRAY(SELECT 'EXECUTE' WHERE has_function_privilege($1, oid, 'EXECUTE')), '{}'
  FROM pg_proc WHERE pronamespace = 'public'::regnamespace
 ORDER BY name
"""


async def unnamed(url: str) -> list[str]:
    """Tables, sequences and functions of which rights.sql does not say who may touch them, in a statement or as the owner's."""
    alone = re.search(r"For the owner alone: (.*?)\(", RIGHTS, re.DOTALL)
    assert alone is not None
    said = {*re.findall(r"\w+", re.sub("--.*", "", RIGHTS)), *re.findall(r"\w+", alone[1])}
    async with signed_in(url) as connection:
        names = [row[0] for row in await connection.fetch(ALL_THERE_IS)]
    return sorted(name for name in names if name not in said)


async def test_every_table_and_function_has_declared_rights(database_url: str) -> None:
    assert await unnamed(database_url) == []
    await order(
        database_url,
        "CREATE TABLE newcomers ()",
        "CREATE FUNCTION a_novelty() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    )
    assert await unnamed(database_url) == ["a_novelty", "newcomers"]


async def test_the_page_lists_the_actual_rights(databases: Databases, database_url: str) -> None:
    tables: dict[Role, dict[str, str]] = {}
    for role in SERVING:
        async with signed_in(database_url) as connection:
            rows = await connection.fetch(GIVEN, role_name(role, PREFIX))
        tables[role] = {row["name"]: ", ".join([*row["whole"], *row["parts"]]).lower() for row in rows}
    lines = [f"| `{name}` | {' | '.join(tables[role][name] or '–' for role in SERVING)} |" for name in tables["api"]]
    table = "\n".join(["| table, sequence or function | api | worker | operator |", "|---|---|---|---|", *lines])
    assert table in PAGE.read_text(encoding="utf-8"), f"the page should say:\n{table}"


async def test_other_roles_have_no_rights(database_url: str) -> None:
    async with signed_in(database_url) as connection:
        stranger = f"stranger_{uuid4().hex}"
        await connection.execute(f"CREATE ROLE {stranger}")
        try:
            rows = await connection.fetch(GIVEN, stranger)
            assert [(row["name"], row["whole"]) for row in rows if row["whole"] or row["parts"]] == []
        finally:
            await connection.execute(f"DROP ROLE {stranger}")


async def test_a_generation_can_only_be_created_of_derived_tables(databases: Databases, database_url: str) -> None:
    derived = {table for target in ("basket-views", "catalogue") for table in tables_of(target)}
    async with signed_in(databases.signed_in(database_url, "operator")) as connection:
        for step in ("make", "lock", "switch", "drop kept"):
            assert await connection.fetch("SELECT generation_statements($1, $2::name[])", step, sorted(derived))
            with refused:
                await connection.fetch("SELECT generation_statements($1, '{events}')", step)
        for statement in (
            "DROP TABLE public.events",
            "ALTER TABLE public.basket_views SET SCHEMA checkout_kept; SELECT 1",
        ):
            with refused:
                await connection.execute(
                    "SELECT execute_generation_statement('switch', '{basket_views}', $1)", statement
                )
    for role in ("api", "worker"):
        async with signed_in(databases.signed_in(database_url, role)) as connection:
            with refused:
                await connection.execute(
                    "SELECT execute_generation_statement('drop kept', '{basket_views}',"
                    " 'DROP TABLE IF EXISTS checkout_kept.basket_views')"
                )


def tables_of(target: str) -> list[str]:
    from adapters.postgres.rebuild.builder_process import target_tables

    return [*target_tables(target, "checkout_rebuilt").tables]  # type: ignore[arg-type]


async def test_operators_rebuild_and_roll_back_and_all_roles_use_the_new_generation(
    databases: Databases, database_url: str
) -> None:
    async with (
        open_as(databases, database_url, "api") as (store, _),
        open_as(databases, database_url, "worker") as (_, views),
        open_as(databases, database_url, "operator") as (own, _),
    ):
        partner = await BasketTraffic(store).knows_a_catalogue()
        first = (await partner.fills_a_basket()).id
        projection = BasketProjection(store, views)
        await projection.refold(first)
        rebuilds = rebuilds_of(own._database)
        for target in ("basket-views", "catalogue"):
            ended, _comparison = await rebuild_all(rebuilds, target)
            assert ended.state == "switched"
        async with signed_in(database_url) as connection:
            assert await generations(connection) == {"public", "checkout_kept"}
        second = (await partner.fills_a_basket()).id
        await projection.refold(second)
        assert set(await views.versions([first, second])) == {first, second}
        assert (await rebuilds.roll_back("basket-views", OPERATOR)).state == "rolled-back"
        third = (await partner.fills_a_basket()).id
        await projection.refold(third)
        assert await rebuilds.drop_kept("basket-views", OPERATOR)
        owners = await ask(
            database_url,
            "SELECT array_agg(DISTINCT relowner::regrole::text) FROM pg_class"
            " WHERE relname = 'basket_views' AND relkind = 'r'",
        )
        assert owners == [role_name("owner", PREFIX)]


@asynccontextmanager
async def open_as(
    databases: Databases, url: str, role: Role
) -> AsyncIterator[tuple[PostgresEventStore, PostgresBasketViews]]:
    database = DatabasePool(databases.signed_in(url, role))
    async with PostgresEventStore(database, timeout=10, answers_kept=DAY) as store:
        yield store, PostgresBasketViews(database)
    await database.close()


# --- making the roles -------------------------------------------------------------------------------------------------

OWNERS = """
SELECT array_agg(DISTINCT owner::regrole::text) FROM (
    SELECT relowner FROM pg_class WHERE relnamespace IN ('public'::regnamespace, 'checkout_kept'::regnamespace)
     UNION SELECT proowner FROM pg_proc WHERE pronamespace = 'public'::regnamespace
     UNION SELECT nspowner FROM pg_namespace WHERE nspname LIKE 'checkout%') AS owned (owner)
"""

RIGHTS_TO_EVENTS = """
SELECT ARRAY(SELECT each FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE']) AS each
              WHERE has_table_privilege($1, 'events', each))
"""

GRANTEES = """
SELECT array_agg(grantee::regrole::text ORDER BY grantee::regrole::text)
  FROM pg_proc, aclexplode(proacl) WHERE proname = 'append_events'
"""

Make = Callable[[], Awaitable[tuple[str, str]]]


@pytest.fixture
async def new_roles(postgres_server: str, databases: Databases) -> AsyncIterator[Make]:
    """Makes an empty database and a prefix of roles that nobody else has; both go at the end."""
    made: list[tuple[str, str]] = []

    async def make() -> tuple[str, str]:
        made.append((await databases.empty(), f"t_{uuid4().hex[:12]}"))
        return made[-1]

    yield make
    async with signed_in(postgres_server) as administrator:
        for url, prefix in made:
            await databases.drop(url)
            for role in await administrator.fetch(
                "SELECT rolname FROM pg_roles WHERE starts_with(rolname, $1)", f"{prefix}_"
            ):
                await administrator.execute(f"DROP ROLE {role[0]}")


def sign_in_as(databases: Databases, url: str, user: str, password: str = "secret") -> str:
    return databases.signed_in(url, None).replace("://", f"://{user}:{password}@").replace("@postgres@", "@")


async def test_a_superusers_database_can_be_given_to_the_owner_repeatedly(
    databases: Databases, new_roles: Make
) -> None:
    url, prefix = await new_roles()
    await migrate(url)
    await order(url, "CREATE TABLE checkout_kept.basket_views (LIKE basket_views)")
    for _ in range(2):
        await migrate(url, DatabaseRoles(prefix))
        assert await ask(url, OWNERS) == [f"{prefix}_owner"]
    assert not await ask(url, "SELECT rolcanlogin FROM pg_roles WHERE rolname = $1", f"{prefix}_api")
    assert await ask(url, "SELECT has_table_privilege($1, 'checkout_kept.basket_views', 'INSERT')", f"{prefix}_worker")


async def test_an_administrator_runs_the_script_and_the_owner_migrates_without_more_rights(
    databases: Databases, new_roles: Make
) -> None:
    url, prefix = await new_roles()
    async with Program("-m", "cli", "migrate", "--print-roles", "--role-prefix", prefix) as program:
        assert await program.end() == 0
        printed = await program.output()
    assert printed == roles_script(prefix)
    for _ in range(2):
        await order(url, printed)
    await order(url, f"ALTER ROLE {prefix}_owner LOGIN PASSWORD 'secret'")
    assert await migrate(sign_in_as(databases, url, f"{prefix}_owner"))
    assert await ask(url, OWNERS) == [f"{prefix}_owner"]
    assert await ask(
        url,
        "SELECT has_function_privilege($1, 'generation_statements(text,name[])', 'EXECUTE')",
        f"{prefix}_operator",
    )


async def test_a_member_of_the_owner_may_migrate_and_the_owner_owns_the_result(
    databases: Databases, new_roles: Make
) -> None:
    url, prefix = await new_roles()
    await order(
        url,
        roles_script(prefix),
        f"CREATE ROLE {prefix}_deployer LOGIN PASSWORD 'secret' IN ROLE {prefix}_owner",
    )
    await migrate(sign_in_as(databases, url, f"{prefix}_deployer"))
    assert await ask(url, OWNERS) == [f"{prefix}_owner"]


async def test_a_migration_restores_rights_that_were_changed_by_hand(databases: Databases, new_roles: Make) -> None:
    url, prefix = await new_roles()
    await migrate(url, DatabaseRoles(prefix))
    await order(
        url,
        f"GRANT INSERT, UPDATE ON events TO {prefix}_api, PUBLIC",
        f"REVOKE SELECT ON events FROM {prefix}_api",
        "GRANT EXECUTE ON FUNCTION append_events TO PUBLIC",
    )
    await migrate(url)
    assert await ask(url, RIGHTS_TO_EVENTS, f"{prefix}_api") == ["SELECT"]
    acl = await ask(url, GRANTEES)
    assert acl == sorted([f"{prefix}_{role}" for role in ROLES])


async def test_objects_of_a_later_migration_have_no_rights_until_they_are_declared(
    databases: Databases, new_roles: Make
) -> None:
    url, prefix = await new_roles()
    await migrate(url, DatabaseRoles(prefix))
    await order(
        url,
        f"SET ROLE {prefix}_owner; CREATE TABLE newcomers ();"
        " CREATE FUNCTION a_novelty() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    )
    for role in SERVING:
        assert not await ask(url, "SELECT has_table_privilege($1, 'newcomers', 'SELECT')", f"{prefix}_{role}")
        assert not await ask(url, "SELECT has_function_privilege($1, 'a_novelty()', 'EXECUTE')", f"{prefix}_{role}")


async def test_a_database_owner_who_may_create_roles_creates_them_and_continues(
    databases: Databases, new_roles: Make
) -> None:
    url, prefix = await new_roles()
    me = f"{prefix}_me"
    await order(
        url,
        f"CREATE ROLE {me} LOGIN CREATEROLE PASSWORD 'secret'",
        f"ALTER DATABASE {url.rpartition('/')[2]} OWNER TO {me}",
    )
    mine = sign_in_as(databases, url, me)
    await migrate(mine)
    for _ in range(2):
        await migrate(mine, DatabaseRoles(prefix, {"api": "secret"}))
    assert await ask(url, OWNERS) == [f"{prefix}_owner"]
    # Processes that still sign in as before go on.
    assert await ask(mine, "SELECT count(*) FROM events") == 0
    with refused:
        await order(sign_in_as(databases, url, f"{prefix}_api"), "DELETE FROM events")


async def test_a_user_who_may_not_create_roles_is_told_who_may(databases: Databases, new_roles: Make) -> None:
    url, prefix = await new_roles()
    me = f"{prefix}_me"
    await order(
        url,
        f"CREATE ROLE {me} LOGIN PASSWORD 'secret'",
        f"ALTER DATABASE {url.rpartition('/')[2]} OWNER TO {me}",
    )
    with pytest.raises(MigrationForbidden, match="--print-roles"):
        await migrate(sign_in_as(databases, url, me), DatabaseRoles(prefix))
    assert await ask(url, "SELECT count(*) FROM pg_roles WHERE starts_with(rolname, $1)", f"{prefix}_api") == 0


async def test_only_the_owner_migrates_a_database_with_roles(databases: Databases, database_url: str) -> None:
    with pytest.raises(MigrationForbidden, match="CHECKOUT_DATABASE_URL has to be the owner"):
        await migrate(databases.signed_in(database_url, "api"))


@pytest.mark.parametrize("more", ["SUPERUSER", "CREATEROLE", "BYPASSRLS"])
async def test_a_role_with_more_rights_is_not_accepted_as_the_services(
    databases: Databases, new_roles: Make, more: str
) -> None:
    url, prefix = await new_roles()
    await order(url, f"CREATE ROLE {prefix}_api {more}")
    with pytest.raises(asyncpg.RaiseError, match="may do more"):
        await migrate(url, DatabaseRoles(prefix))


async def test_a_process_role_that_is_a_member_of_the_owner_is_not_accepted(
    databases: Databases, new_roles: Make
) -> None:
    url, prefix = await new_roles()
    await order(url, f"CREATE ROLE {prefix}_owner; CREATE ROLE {prefix}_worker IN ROLE {prefix}_owner")
    with pytest.raises(asyncpg.RaiseError, match="is a member of"):
        await migrate(url, DatabaseRoles(prefix))


@pytest.mark.parametrize("prefix", ["", "Checkout", "check-out", 'x"; DROP', "1st", "a" * 51])
def test_a_prefix_that_needs_quotes_is_refused(prefix: str) -> None:
    with pytest.raises(ValueError, match="a prefix"):
        DatabaseRoles(prefix)


def test_the_script_names_all_roles_of_its_prefix_and_no_others() -> None:
    script = roles_script("shop")
    assert all(f"shop_{role}" in script for role in ROLES)
    assert not any(f"checkout_{role}" in script for role in ROLES)
