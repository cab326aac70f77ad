"""`checkout promise verify`: what a promise holds, and whether it is still so."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.output import Output, echo_json
from cli.runner import DONE, NOT_DONE, load_settings, run_async, run_with_container
from domain.shared.errors import CheckoutError
from domain.shared.formatting import format_duration, format_time

if TYPE_CHECKING:
    from datetime import datetime

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    from adapters.container import Container
    from adapters.promises.jws import JwsPromiseVerifier, UnverifiedPromise
    from adapters.settings import Settings
    from domain.validation.promise_check import PromiseCheck

app = typer.Typer(no_args_is_help=True)

STDIN = "-"
_WORDS = {
    "signature_wrong": "it is not signed by this service",
    "expired": "it has expired",
    "basket_unknown": "there is no such basket",
    "promise_unknown": "no verdict of the basket carries it",
    "basket_changed": "the basket has changed since",
    "verdict_differs": "judged again, the basket is not ready, or has another total",
    "evidence_differs": "judged again, the verdict rests on other facts",
    "basket_not_open": "the basket is not open",
}


class KeysNotFound(CheckoutError):
    """The keys to verify a promise with cannot be read."""


@app.callback()
def promise() -> None:
    """Promises: what ready verdicts say, signed, for order services."""


@app.command(epilog="Example: checkout promise verify eyJ…")
def verify(
    token: Annotated[str, typer.Argument(help="The promise, a compact JWS. `-` reads it from stdin.")],
    jwks: Annotated[
        str | None, typer.Option(help="URL or file of the keys. Without it: the file of CHECKOUT_PROMISE_KEY_FILE.")
    ] = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="Only the signature and the time, as order services check them.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON line on stdout.")] = False,
) -> None:
    """Shows what a promise holds, and whether its signature is right, it is still in time, and the basket still is so.

    The basket still is so if it is open, did not change since the promised version, and is ready by the same facts
    when it is judged again as of then. Later verdicts are no change. Exit code 0: the promise holds. 1: it does not.
    2: it cannot be read, or cannot be checked.
    """
    from adapters.promises.jws import read_promise
    from adapters.system import utc_now
    from domain.ports.promises import InvalidPromise

    unverified = read_promise((sys.stdin.read() if token == STDIN else token).strip())
    settings = load_settings()
    verifier = _verifier(settings, jwks)
    wrong: str | None = None
    try:
        verifier.require_signature(unverified)
    except InvalidPromise as error:
        wrong = str(error)
    check: PromiseCheck | None = None
    if wrong is None and not offline:

        async def look(container: Container) -> PromiseCheck:
            return await container.promise_checker.check(unverified.promise, unverified.token)

        check = run_with_container(look)
    checked = CheckedPromise(unverified, wrong, check, utc_now())
    if json:
        echo_json(_to_json(checked))
    else:
        _show(checked)
    raise typer.Exit(NOT_DONE if checked.problems else DONE)


@dataclass(frozen=True)
class CheckedPromise:
    """`wrong` is why the signature does not count. `check` is None where the basket was not looked at."""

    unverified: UnverifiedPromise
    wrong: str | None
    check: PromiseCheck | None
    now: datetime

    @property
    def problems(self) -> list[str]:
        """Codes; none if the promise holds."""
        expired = not self.unverified.promise.in_time_at(self.now)
        return [
            *(["signature_wrong"] if self.wrong is not None else []),
            *(["expired"] if expired else []),
            *(self.check.problems if self.check is not None else ()),
        ]


def _verifier(settings: Settings, jwks: str | None) -> JwsPromiseVerifier:
    from adapters.promises.jws import JwsPromiseVerifier
    from adapters.promises.key_file import PromiseKeyFile
    from adapters.settings import MissingSetting
    from adapters.system import utc_now

    if jwks is not None:
        keys = run_async(published_keys(jwks))
        return JwsPromiseVerifier(lambda key_id, _: keys.get(key_id), settings.promise_issuer, utc_now)
    if settings.promise_key_file is None:
        raise MissingSetting("CHECKOUT_PROMISE_KEY_FILE names no file; --jwks takes the URL of published keys")
    return JwsPromiseVerifier(PromiseKeyFile(settings.promise_key_file).public_key, settings.promise_issuer, utc_now)


async def published_keys(where: str) -> dict[str, Ed25519PublicKey]:
    """The keys at a URL or in a file, by their ids. Raises KeysNotFound."""
    import httpx
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    from adapters.auth.jwks import fetch_keys_from_url, parse_keys, read_keys_from_file

    fetch = fetch_keys_from_url(where) if "://" in where else read_keys_from_file(Path(where))
    try:
        found = parse_keys(await fetch())
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
        raise KeysNotFound(f"no keys can be read from {where}: {error or type(error).__name__}") from error
    return {key.id: key.key for key in found if key.id is not None and isinstance(key.key, Ed25519PublicKey)}


def _to_json(checked: CheckedPromise) -> dict[str, Any]:
    unverified, check = checked.unverified, checked.check
    return {
        "holds": not checked.problems,
        "problems": checked.problems,
        "signature": {"valid": checked.wrong is None, "problem": checked.wrong, "key": unverified.key_id},
        "inTime": unverified.promise.in_time_at(checked.now),
        "claims": unverified.claims,
        "basket": check
        and {
            "status": check.status,
            "version": check.version,
            "changedAtVersion": check.changed_at,
            "verdictVersion": check.verdict_version,
            "repeated": check.repeated,
            "readyNow": check.ready_now,
        },
    }


def _show(checked: CheckedPromise) -> None:
    out, unverified, check = Output(), checked.unverified, checked.check
    held = unverified.promise
    until = (held.expires_at - checked.now).total_seconds()
    rows = {
        "basket": f"{held.basket_id} at version {held.basket_version}, of {held.partner}",
        "total": str(held.total) if held.total is not None else "no single total: see the order's totals",
        "evidence": held.evidence,
        "issued": f"{format_time(held.issued_at)} by {unverified.issuer}, key {unverified.key_id}",
        "signature": "right" if checked.wrong is None else f"wrong: {checked.wrong}",
        "expires": f"{format_time(held.expires_at)}, "
        + (f"in {format_duration(until)}" if until > 0 else f"{format_duration(-until)} ago"),
    }
    if check is not None and check.status is not None:
        changed = "unchanged" if check.changed_at is None else f"changed at version {check.changed_at}"
        rows["now"] = f"{check.status} at version {check.version}, {changed}"
        rows["judged again"] = "as promised" if check.repeated else "not as promised"
        rows["by today's facts"] = "ready" if check.ready_now else "not ready"
    for name, value in rows.items():
        out.say((f"{name:<18}", "dim"), value)
    if checked.problems:
        out.say(f"does not hold: {'; '.join(_WORDS[problem] for problem in checked.problems)}", style="bold red")
    elif check is None:
        out.say("holds, as far as it can be checked offline", style="bold green")
    else:
        out.say("holds", style="bold green")
