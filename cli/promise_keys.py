"""`checkout promise-keys`: the keys that sign the promises of ready verdicts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.output import Output, Wide, echo, echo_json
from cli.runner import load_settings
from domain.shared.formatting import format_time

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from adapters.promises.keys import PromiseKey, PromiseKeySet
    from adapters.settings import Settings

app = typer.Typer(no_args_is_help=True)

NO_FILE = "CHECKOUT_PROMISE_KEY_FILE names no file; set it to a path, and `checkout promise-keys new` makes the file"

Json = Annotated[bool, typer.Option("--json", help="One JSON line on stdout.")]


@app.callback()
def promise_keys() -> None:
    """The keys that sign promises, in the file that CHECKOUT_PROMISE_KEY_FILE names. Running processes read the file
    again when it changes."""


@app.command(epilog="Example: checkout promise-keys new")
def new(
    if_missing: Annotated[bool, typer.Option("--if-missing", help="Only where there is no key yet.")] = False,
    json: Json = False,
) -> None:
    """Makes a key, and the file if there is none. Drops retired keys of which no promise can be valid any more.

    The key is published at once. The first key signs at once. Any other waits for twice
    CHECKOUT_PROMISE_JWKS_MAX_AGE, so that every process and every cache has it when it begins to sign.
    """
    from datetime import timedelta

    from adapters.promises.key_file import change_key_file
    from adapters.system import utc_now

    settings, path, now = *_settings(), utc_now()
    wait = timedelta(seconds=2 * settings.promise_jwks_max_age)
    made: list[PromiseKey] = []

    def add(keys: PromiseKeySet) -> PromiseKeySet:
        if if_missing and keys.keys:
            return keys
        changed = keys.with_new_key(now, wait)
        made.append(changed.keys[-1])
        return changed

    keys = change_key_file(path, add)
    if json:
        echo_json({"file": str(path), "made": _key_json(keys, made[0], now) if made else None})
    elif made:
        begins = "signs from now on" if made[0].may_sign_at(now) else f"signs from {format_time(made[0].signs_from)} on"
        echo(f"the key {made[0].id} of {path} is published now, and {begins}")


@app.command("list", epilog="Example: checkout promise-keys list")
def list_keys(wide: Wide = False, json: Json = False) -> None:
    """Lists the keys, without their private parts. Drops retired keys of which no promise can be valid any more."""
    from contextlib import suppress

    from adapters.promises.key_file import change_key_file, read_key_file
    from adapters.promises.keys import UnusablePromiseKeys
    from adapters.system import utc_now

    (_, path), now = _settings(), utc_now()
    keys = read_key_file(path).without_unpublished(now)
    with suppress(UnusablePromiseKeys):  # a secret that is mounted may be read-only
        change_key_file(path, lambda current: current.without_unpublished(now))
    if json:
        echo_json({"file": str(path), "keys": [_key_json(keys, key, now) for key in keys.keys]})
        return
    rows = [[key.id, keys.state_at(key, now), *map(_shown, _times(key))] for key in keys.keys]
    columns = ("key", "state", "created", "signs from", "retired", "published until")
    Output(wide=wide).table(columns, rows)


@app.command(epilog="Example: checkout promise-keys retire KEY")
def retire(
    key: Annotated[str, typer.Argument(help="The key's id, as `list` shows it.")],
    compromised: Annotated[
        bool,
        typer.Option(
            "--compromised", help="Somebody else may have the key: remove it, and its promises count no more."
        ),
    ] = False,
    json: Json = False,
) -> None:
    """Retires a key. It signs no longer, and stays published until no promise of it can be valid.

    Another key must sign already. With --compromised the key leaves the file at once, even if no other key signs.
    """
    from datetime import timedelta

    from adapters.promises.key_file import change_key_file
    from adapters.system import utc_now

    settings, path, now = *_settings(), utc_now()
    # A process may read the changed file late, and sign with the key until then.
    published_for = timedelta(seconds=settings.promise_seconds + settings.promise_jwks_max_age)
    keys = change_key_file(
        path, lambda current: current.without(key) if compromised else current.with_retired(key, now, published_for)
    )
    retired = next((each for each in keys.keys if each.id == key), None)
    if json:
        echo_json({"file": str(path), "retired": key, "key": retired and _key_json(keys, retired, now)})
    elif retired is not None and retired.published_until is not None:
        echo(f"the key {key} signs no longer; it is published until {format_time(retired.published_until)}")
    else:
        echo(f"the key {key} is removed; caches may keep it for {settings.promise_jwks_max_age} s")


def _settings() -> tuple[Settings, Path]:
    from adapters.settings import MissingSetting

    settings = load_settings()
    if settings.promise_key_file is None:
        raise MissingSetting(NO_FILE)
    return settings, settings.promise_key_file


def _shown(at: datetime | None) -> str:
    return "" if at is None else format_time(at)


def _times(key: PromiseKey) -> tuple[datetime | None, ...]:
    return key.created, key.signs_from, key.retired, key.published_until


def _key_json(keys: PromiseKeySet, key: PromiseKey, now: datetime) -> dict[str, Any]:
    names = ("created", "signsFrom", "retired", "publishedUntil")
    times = {name: at and format_time(at) for name, at in zip(names, _times(key), strict=True)}
    return {"key": key.id, "state": keys.state_at(key, now), **times}
