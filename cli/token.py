"""`checkout token`: tokens of the local issuer."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from cli.output import echo
from cli.runner import load_settings

MAX_SECONDS = 10 * 365 * 24 * 3600


class TokenScope(StrEnum):
    partner = "partner"
    operator = "operator"


def token(
    partner: Annotated[
        str | None,
        typer.Option(help="The partner organisation of the token; tokens of operators need none."),
    ] = None,
    scope: Annotated[TokenScope, typer.Option(help="What the token allows.")] = TokenScope.partner,
    ttl: Annotated[int, typer.Option(min=1, max=MAX_SECONDS, help="Seconds until it expires.")] = 3600,
    subject: Annotated[
        str | None, typer.Option(help="Who uses the token; the audit log names operators by it.")
    ] = None,
) -> None:
    """Prints a bearer token of the local issuer, for the embedded service."""
    from datetime import timedelta

    from adapters.auth.local_issuer import issue_token

    if partner is None and scope is TokenScope.partner:
        raise typer.BadParameter("a partner's token names an organisation", param_hint="--partner")
    settings = load_settings()
    if ttl > settings.jwt_longest_life:
        raise typer.BadParameter(
            f"a token that lives longer than CHECKOUT_JWT_LONGEST_LIFE ({settings.jwt_longest_life:.0f} s) is refused",
            param_hint="--ttl",
        )
    lifetime = timedelta(seconds=ttl)
    echo(issue_token(settings, partner=partner, scope=scope.value, ttl=lifetime, subject=subject))
