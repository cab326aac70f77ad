"""A remedy as a command for a shell."""

from __future__ import annotations

import json
import re
from shlex import quote
from urllib.parse import quote as percent_encode

from domain.operators.history.verdict_reader import RemedyCall

UPDATE_PATH = "/partner/checkout/update"
_ORIGIN = re.compile(r"https?://([A-Za-z0-9.\-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?(?=/|\Z)")


class UnusableAddress(ValueError):
    """A text that is no address of a server."""


def remedy_curl(address: str, landing_cookie: str, basket_id: str, remedy: RemedyCall) -> str:
    """The `curl` that sends a remedy, for any POSIX shell. The caller's token is the shell's `$TOKEN`.

    `address` is where partners reach the service, with the prefix of a proxy, such as `https://shop.example`. Whatever
    ids hold, the shell takes each argument as one word, and everything is printable ASCII. Raises UnusableAddress.
    """
    origin = _ORIGIN.match(address)
    if origin is None or not address.isascii() or not address.isprintable():
        raise UnusableAddress(f"{address!r} is no http address")
    body = {"orderItemActions": [action.model_dump(mode="json", by_alias=True) for action in remedy.order_item_actions]}
    state = percent_encode(json.dumps({"basketId": basket_id}, separators=(",", ":")), safe="")
    words = (
        f"curl --globoff -X PUT {quote(address + UPDATE_PATH)}",
        '-H "Authorization: Bearer $TOKEN"',
        "-H 'Content-Type: application/json'",
        f"-H {quote(f'If-Match: {remedy.if_match}')}",
        f"--cookie {quote(f'{landing_cookie}={state}')}",
        f"--data-raw {quote(json.dumps(body).replace(chr(0x7F), chr(92) + 'u007f'))}",
    )
    return " \\\n  ".join(words)
