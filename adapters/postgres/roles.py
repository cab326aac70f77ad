"""The four roles that sign in to PostgreSQL. `roles.sql` creates them, `rights.sql` grants their rights. Both scripts
use the prefix `checkout`, which another prefix replaces."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

import asyncpg

Role = Literal["owner", "api", "worker", "operator"]
"""The owner migrates; the API serves partners; workers publish and project; operators repair, rebuild and erase."""

ROLES: tuple[Role, ...] = get_args(Role)

PREFIX = "checkout"
_ALLOWED_PREFIX = re.compile(r"[a-z][a-z0-9_]{0,49}")
_NAMES = re.compile(rf"\bcheckout_({'|'.join(ROLES)})\b")

_ITERATIONS = 4096
"""Of the hash that PostgreSQL stores of a password: its own default."""

# The prefix of this database's roles: the owner of a schema that only `roles.sql` creates.
PREFIX_IN_USE = """
SELECT left(owner.rolname, -length('_owner'))
  FROM pg_namespace space JOIN pg_roles owner ON owner.oid = space.nspowner
 WHERE space.nspname = 'checkout_rebuilt' AND owner.rolname LIKE '%\\_owner'
   AND (SELECT count(*) FROM pg_roles
         WHERE rolname = ANY(ARRAY(SELECT left(owner.rolname, -length('owner')) || kind
                                     FROM unnest($1::text[]) AS kind))) = cardinality($1::text[])
"""

# Writes the statement that lets a role sign in, with the hash of its password ($2) where it has one.
SIGN_IN = """
SELECT format('ALTER ROLE %I LOGIN', $1::text) || coalesce(format(' PASSWORD %L', $2::text), '')
"""

# The session acts as this role until the end of the transaction.
BECOME = "SELECT set_config('role', $1, true)"


@dataclass(frozen=True, slots=True)
class DatabaseRoles:
    """The roles to create. Those in `passwords` may sign in, without a password where it is None."""

    prefix: str = PREFIX
    passwords: Mapping[Role, str | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raises ValueError for a prefix that SQL would have to quote."""
        if not _ALLOWED_PREFIX.fullmatch(self.prefix):
            raise ValueError(
                "a prefix of roles is at most 50 lower-case letters, digits and underscores, a letter first"
            )


def role_name(role: Role, prefix: str = PREFIX) -> str:
    return f"{prefix}_{role}"


def roles_script(prefix: str = PREFIX) -> str:
    """The script that creates the roles, for an administrator's `psql`."""
    return f"BEGIN;\n\n{_named(prefix, 'roles.sql')}\nCOMMIT;\n"


async def create_roles(connection: asyncpg.Connection, roles: DatabaseRoles) -> None:
    """Creates the roles in the connection's transaction, makes them own what exists, and lets them sign in."""
    await connection.execute(_named(roles.prefix, "roles.sql"))
    for role, password in roles.passwords.items():
        verifier = None if password is None else scram_verifier(password)
        statement = await connection.fetchval(SIGN_IN, role_name(role, roles.prefix), verifier)
        await connection.execute(statement)


async def prefix_in_use(connection: asyncpg.Connection) -> str | None:
    """The prefix of this database's roles, if it has any."""
    found: str | None = await connection.fetchval(PREFIX_IN_USE, ROLES)
    return found


async def act_as_owner(connection: asyncpg.Connection, prefix: str) -> None:
    """The owner owns what the rest of the transaction creates."""
    await connection.execute(BECOME, role_name("owner", prefix))


async def grant_rights(connection: asyncpg.Connection, prefix: str) -> None:
    """Grants each role its rights and revokes all others. The connection must act as the owner."""
    await connection.execute(_named(prefix, "rights.sql"))


def scram_verifier(password: str, salt: bytes | None = None) -> str:
    """The hash that PostgreSQL stores (RFC 5803), so that the password itself never reaches its logs."""
    salt = salt or secrets.token_bytes(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, _ITERATIONS)
    client = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    salt_text, client_text, server_text = (base64.b64encode(each).decode() for each in (salt, client, server))
    return f"SCRAM-SHA-256${_ITERATIONS}:{salt_text}${client_text}:{server_text}"


def _named(prefix: str, script: str) -> str:
    """The text of a script beside this module, for the roles of a prefix."""
    text = Path(__file__).with_name(script).read_text(encoding="utf-8")
    return _NAMES.sub(lambda name: f"{prefix}_{name[1]}", text)
