"""Servers that talk by TLS alone: PostgreSQL and Apache Kafka, with authorities and certificates of their own."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adapters.embedded.postgres import EmbeddedPostgres
from adapters.embedded.processes import free_port
from adapters.postgres.migrator import migrate
from adapters.postgres.roles import ROLES, DatabaseRoles
from tests.servers.apache_kafka import ApacheKafka
from tests.servers.certificates import Authority, Certificate
from tests.servers.installed_postgres import InstalledPostgres, newest_installed
from tests.servers.postgres import postgres_folder

PASSWORD = "by TLS / alone?"

# Nobody without TLS and a certificate for the name that signs in.
_ACCESS = """
hostssl all postgres 127.0.0.1/32 trust clientcert=verify-full
hostssl all all      127.0.0.1/32 scram-sha-256 clientcert=verify-full
"""


@dataclass(frozen=True, slots=True)
class TlsPostgres:
    """A migrated database with roles (`PASSWORD` is theirs), and who is trusted."""

    server: EmbeddedPostgres
    authority: Authority
    other_authority: Authority

    def url(self, user: str, host: str = "127.0.0.1") -> str:
        quoted = PASSWORD.replace(" ", "%20").replace("/", "%2F").replace("?", "%3F")
        return f"postgresql://{user}:{quoted}@{host}:{self.server.port}/postgres"


@asynccontextmanager
async def tls_postgres(folder: Path) -> AsyncIterator[TlsPostgres]:
    """The server's certificate is for 127.0.0.1 alone."""
    authority, other = Authority(folder, "authority"), Authority(folder, "other-authority")
    issued = authority.issue("postgres-server", "127.0.0.1")
    with postgres_folder() as data:
        async with InstalledPostgres(newest_installed(), data, ephemeral=True) as server:
            await migrate(server.url, DatabaseRoles(passwords=dict.fromkeys(ROLES, PASSWORD)))
        owner = data.stat()
        settings = {"ssl": "on"}
        for name, source in {
            "ssl_cert_file": issued.certificate,
            "ssl_key_file": issued.key,
            "ssl_ca_file": authority.file,
        }.items():
            settings[name] = str(shutil.copy(source, data / source.name))
        (data / "access.conf").write_text(_ACCESS)
        settings["hba_file"] = str(data / "access.conf")
        for name in ("ssl_cert_file", "ssl_key_file", "ssl_ca_file", "hba_file"):
            os.chown(settings[name], owner.st_uid, owner.st_gid)
            os.chmod(settings[name], 0o600)  # noqa: PTH101  (paths may not block here, this does not either)
        async with InstalledPostgres(newest_installed(), data, ephemeral=True, settings=settings) as server:
            yield TlsPostgres(server, authority, other)


@dataclass(frozen=True, slots=True)
class TlsKafka:
    """A node with two ways in: by a certificate, and by a user's password (`ann`, `PASSWORD`)."""

    by_certificate: str
    by_password: str
    authority: Authority
    other_authority: Authority
    client: Certificate


@asynccontextmanager
async def tls_kafka(folder: Path) -> AsyncIterator[TlsKafka]:
    """The node's certificate is for 127.0.0.1 alone."""
    authority, other = Authority(folder, "authority"), Authority(folder, "other-authority")
    issued = authority.issue("kafka-server", "127.0.0.1")
    keystore = folder / "kafka-server.pem"
    keystore.write_bytes(issued.key.read_bytes() + issued.certificate.read_bytes())
    port, password_port, controller_port = free_port(), free_port(), free_port()
    plain = "org.apache.kafka.common.security.plain.PlainLoginModule required"
    scram = "org.apache.kafka.common.security.scram.ScramLoginModule required"
    listeners = f"SSL://127.0.0.1:{port},SASL_SSL://127.0.0.1:{password_port}"
    settings: dict[str, Any] = {
        "listeners": f"{listeners},CONTROLLER://127.0.0.1:{controller_port}",
        "controller.quorum.voters": f"1@127.0.0.1:{controller_port}",
        "advertised.listeners": listeners,
        "inter.broker.listener.name": "SSL",
        "listener.security.protocol.map": "SSL:SSL,SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": keystore,
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": authority.file,
        "ssl.client.auth": "required",
        "listener.name.sasl_ssl.ssl.client.auth": "none",
        "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-512",
        "listener.name.sasl_ssl.plain.sasl.jaas.config": f'{plain} user_ann="{PASSWORD}";',
        "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config": f"{scram};",
    }
    user = f'SCRAM-SHA-512=[name="ann",password="{PASSWORD}"]'
    async with ApacheKafka(folder / "kafka", port=port, settings=settings, format_options=["--add-scram", user]):
        yield TlsKafka(
            f"127.0.0.1:{port}",
            f"127.0.0.1:{password_port}",
            authority,
            other,
            authority.issue("checkout", password="of the key"),
        )
