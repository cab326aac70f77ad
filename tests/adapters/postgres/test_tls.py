"""PostgreSQL by TLS: with certificates on both sides, and what is said where one does not fit."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from pydantic import SecretStr

from adapters.container import open_operator_container
from adapters.postgres.connection_url import database_url
from adapters.postgres.migrator import migrate
from adapters.postgres.pool import DatabasePool
from adapters.settings import InvalidSetting, Settings
from domain.shared.errors import StoreUnavailable
from tests.basket_traffic import BasketTraffic
from tests.rebuild_steps import OPERATOR
from tests.servers.processes import Program
from tests.servers.tls import TlsPostgres, tls_postgres

TALKS_BY_TLS = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
ALL_TALK_BY_TLS = """
SELECT count(*), bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE usename = current_user
"""


@pytest.fixture(scope="module")
async def postgres(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[TlsPostgres]:
    async with tls_postgres(tmp_path_factory.mktemp("certificates")) as made:
        yield made


def named(postgres: TlsPostgres, user: str = "checkout_api", **values: Any) -> Settings:
    """Settings that verify the server and show the user's certificate; `values` go before."""
    mine = postgres.authority.issue(user)
    given: dict[str, Any] = {
        "database_url": SecretStr(postgres.url(user)),
        "database_sslmode": "verify-full",
        "database_ca_file": postgres.authority.file,
        "database_certificate_file": mine.certificate,
        "database_key_file": mine.key,
    }
    return Settings(_env_file=None, **{**given, **values})


async def fails(settings: Settings) -> str:
    """What is said where no connection is to be had, by a pool and by a connection of its own."""
    database = DatabasePool(database_url(settings))
    with pytest.raises(StoreUnavailable) as of_pool:
        async with database.connection():
            pass
    with pytest.raises(StoreUnavailable) as of_its_own:
        await database.connect("a test")
    assert str(of_pool.value) == str(of_its_own.value)
    await database.close()
    return str(of_pool.value)


async def test_settings_and_url_parameters_have_the_same_effect(postgres: TlsPostgres) -> None:
    settings = named(postgres)
    parameters = {
        "sslmode": "verify-full",
        "sslrootcert": settings.database_ca_file,
        "sslcert": settings.database_certificate_file,
        "sslkey": settings.database_key_file,
    }
    query = "&".join(f"{name}={quote(str(value), safe='')}" for name, value in parameters.items())
    by_url = Settings(_env_file=None, database_url=SecretStr(f"{postgres.url('checkout_api')}?{query}"))
    for each in (settings, by_url):
        database = DatabasePool(database_url(each))
        async with database.connection() as connection:
            assert await connection.fetchval(TALKS_BY_TLS)
        await database.close()


async def test_migrations_and_every_connection_of_the_container_use_tls(postgres: TlsPostgres) -> None:
    assert await migrate(database_url(named(postgres, "checkout_owner"))) == []
    async with open_operator_container(named(postgres, "checkout_operator")) as parts:
        await BasketTraffic(parts.event_store).knows_a_catalogue()
        async with (
            parts.leadership.hold("a role"),
            parts.rebuilds.open_session("catalogue", OPERATOR),
            parts.database.connection() as connection,
        ):
            count, all_do = await connection.fetchrow(ALL_TALK_BY_TLS)  # type: ignore[misc]
        assert count >= 3
        assert all_do


async def test_a_rebuild_in_its_own_processes_uses_tls(postgres: TlsPostgres) -> None:
    """The server refuses everything else."""
    async with open_operator_container(named(postgres, "checkout_operator")) as parts:
        basket = await (await BasketTraffic(parts.event_store).knows_a_catalogue()).fills_a_basket()
        async with run(
            named(postgres, "checkout_operator"),
            *("rebuild", "basket-views", "--workers", "2", "--reason", "a test", "--json"),
        ) as program:
            assert await program.end(120) == 0, await program.errors()
        assert await parts.basket_views.versions([basket.id])


def run(settings: Settings, *arguments: str) -> Program:
    assert settings.database_url is not None
    files = settings.model_dump(include={"database_ca_file", "database_certificate_file", "database_key_file"})
    environment = {f"CHECKOUT_{name.upper()}": str(value) for name, value in files.items()}
    environment["CHECKOUT_DATABASE_URL"] = settings.database_url.get_secret_value()
    environment["CHECKOUT_DATABASE_SSLMODE"] = settings.database_sslmode or ""
    return Program("-m", "cli", *arguments, environment=environment)


async def test_a_server_of_another_authority_is_not_trusted(postgres: TlsPostgres) -> None:
    said = await fails(named(postgres, database_ca_file=postgres.other_authority.file))
    assert "CHECKOUT_DATABASE_CA_FILE" in said


async def test_a_server_of_another_name_is_only_trusted_when_names_are_not_checked(
    postgres: TlsPostgres,
) -> None:
    elsewhere = SecretStr(postgres.url("checkout_api", "localhost"))
    said = await fails(named(postgres, database_url=elsewhere))
    assert "CHECKOUT_DATABASE_URL" in said
    assert "CHECKOUT_DATABASE_SSLMODE=verify-ca" in said
    database = DatabasePool(database_url(named(postgres, database_url=elsewhere, database_sslmode="verify-ca")))
    async with database.connection() as connection:
        assert await connection.fetchval(TALKS_BY_TLS)
    await database.close()


async def test_a_missing_client_certificate_names_the_settings(
    postgres: TlsPostgres,
) -> None:
    said = await fails(named(postgres, database_certificate_file=None, database_key_file=None))
    assert "CHECKOUT_DATABASE_CERTIFICATE_FILE" in said
    assert "CHECKOUT_DATABASE_KEY_FILE" in said


async def test_a_certificate_for_another_user_is_refused(postgres: TlsPostgres) -> None:
    other = postgres.authority.issue("checkout_worker")
    said = await fails(named(postgres, database_certificate_file=other.certificate, database_key_file=other.key))
    assert "CHECKOUT_DATABASE_CERTIFICATE_FILE" in said


async def test_a_certificate_of_an_authority_that_the_server_does_not_know_is_refused(
    postgres: TlsPostgres,
) -> None:
    mine = postgres.other_authority.issue("checkout_api", file="unknown")
    said = await fails(named(postgres, database_certificate_file=mine.certificate, database_key_file=mine.key))
    assert "CHECKOUT_DATABASE_CERTIFICATE_FILE" in said


async def test_refused_plain_text_names_the_setting_that_turns_tls_on(postgres: TlsPostgres) -> None:
    assert "CHECKOUT_DATABASE_SSLMODE" in await fails(named(postgres, database_sslmode="disable"))


async def test_a_wrong_password_names_the_setting_that_holds_it(postgres: TlsPostgres) -> None:
    url = SecretStr(f"postgresql://checkout_api:wrong@127.0.0.1:{postgres.server.port}/postgres")
    assert "CHECKOUT_DATABASE_URL" in await fails(named(postgres, database_url=url))


async def test_a_server_without_tls_is_recognised(postgres_server: str, postgres: TlsPostgres) -> None:
    said = await fails(named(postgres, database_url=SecretStr(postgres_server), database_sslmode="require"))
    assert "does not speak TLS" in said
    assert "CHECKOUT_DATABASE_SSLMODE" in said


@pytest.mark.parametrize(
    ("values", "named_by"),
    [
        ({"database_ca_file": None}, "CHECKOUT_DATABASE_CA_FILE"),
        ({"database_ca_file": Path("/nowhere/ca.crt")}, "CHECKOUT_DATABASE_CA_FILE"),
        ({"database_ca_file": Path(__file__)}, "CHECKOUT_DATABASE_CA_FILE"),
        ({"database_certificate_file": Path("/nowhere/me.crt")}, "CHECKOUT_DATABASE_CERTIFICATE_FILE"),
        ({"database_certificate_file": None}, "CHECKOUT_DATABASE_CERTIFICATE_FILE"),
        ({"database_key_file": Path(__file__)}, "CHECKOUT_DATABASE_KEY_FILE"),
    ],
)
async def test_an_unusable_file_is_named_before_any_connection(
    postgres: TlsPostgres, monkeypatch: pytest.MonkeyPatch, values: Mapping[str, Any], named_by: str
) -> None:
    monkeypatch.setenv("HOME", "/nowhere")
    with pytest.raises(InvalidSetting, match=named_by):
        database_url(named(postgres, **values))


async def test_a_key_of_another_certificate_is_reported(postgres: TlsPostgres) -> None:
    other = postgres.authority.issue("other")
    with pytest.raises(InvalidSetting, match="not that of the certificate"):
        database_url(named(postgres, database_key_file=other.key))


async def test_a_url_that_contradicts_the_settings_is_refused(postgres: TlsPostgres) -> None:
    weaker = SecretStr(f"{postgres.url('checkout_api')}?sslmode=disable")
    with pytest.raises(InvalidSetting, match="CHECKOUT_DATABASE_SSLMODE says verify-full"):
        database_url(named(postgres, database_url=weaker))


async def test_a_command_that_cannot_connect_names_the_setting_and_shows_no_traceback(
    postgres: TlsPostgres,
) -> None:
    async with run(named(postgres, database_ca_file=postgres.other_authority.file), "find") as program:
        assert await program.end(60) != 0
        said = await program.errors()
    assert "CHECKOUT_DATABASE_CA_FILE" in said
    assert "Traceback" not in said
