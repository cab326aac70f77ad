"""The options of `checkout conformance`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.output import Output, Wide, echo_json
from cli.runner import DONE, NOT_DONE, run_async


def conformance(
    url: Annotated[
        str | None,
        typer.Option(
            envvar="CHECKOUT_URL",
            help="Where the service, or the gateway before it, is reached. Without it: the running `checkout up`, with"
            " tokens, topics and a catalogue of its own.",
        ),
    ] = None,
    token: Annotated[
        str | None,
        typer.Option(envvar="CONFORMANCE_TOKEN", help="The token of a partner organisation.", show_envvar=True),
    ] = None,
    other_token: Annotated[
        str | None, typer.Option(envvar="CONFORMANCE_OTHER_TOKEN", help="The token of another organisation.")
    ] = None,
    other_scope_token: Annotated[
        str | None,
        typer.Option(envvar="CONFORMANCE_OTHER_SCOPE_TOKEN", help="A valid token without the scope `partner`."),
    ] = None,
    offer: Annotated[
        list[str] | None, typer.Option(metavar="ID:VERSION", help="An offer that can be ordered. May be repeated.")
    ] = None,
    country: Annotated[str, typer.Option(help="The country in which the offers are sold.")] = "GB",
    currency: Annotated[str, typer.Option(help="The currency of their prices.")] = "GBP",
    kafka: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT", help="Also try the topics there. CHECKOUT_KAFKA_* settings say how to sign in."
        ),
    ] = None,
    topic_prefix: Annotated[
        str, typer.Option(metavar="PREFIX", help="With --kafka: read mirrored topics, whose names begin so.")
    ] = "",
    allow_dead_letters: Annotated[
        bool,
        typer.Option(
            "--allow-dead-letters", help="With --kafka: send nonsense too. Operators will find it as a dead letter."
        ),
    ] = False,
    load_catalogue: Annotated[
        bool,
        typer.Option(
            "--load-catalogue",
            help="With --kafka: publish offers for the token's organisation only, and withdraw them at the end.",
        ),
    ] = False,
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="PATTERN", help="Only these cases, such as `update` or `*.if-match*`. May be repeated."),
    ] = None,
    list_cases: Annotated[bool, typer.Option("--list", help="List the cases and exit.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="With --list: as the table of the docs.")] = False,
    junit: Annotated[Path | None, typer.Option(metavar="FILE", help="Also write a JUnit report.")] = None,
    at_once: Annotated[int, typer.Option(min=1, max=32, help="How many cases run at once.")] = 4,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds that a call may take.")] = 10.0,
    landing_cookie: Annotated[str, typer.Option(help="The name of the landing state cookie.")] = "landing_state",
    partner_claim: Annotated[
        str, typer.Option(help="The claim of tokens that names the organisation.")
    ] = "partner_org",
    max_quantity: Annotated[int, typer.Option(min=1, help="The service's limit: of a line.")] = 9999,
    max_items: Annotated[int, typer.Option(min=1, help="The service's limit: lines of a basket.")] = 500,
    max_actions: Annotated[int, typer.Option(min=1, help="The service's limit: actions of an update.")] = 200,
    max_body_bytes: Annotated[int, typer.Option(min=1024, help="The service's limit: of a body.")] = 256 * 1024,
    wide: Wide = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout, with all that was sent.")] = False,
) -> None:
    """Tries whether a service, or a gateway before it, keeps the contract: each line of it is a case with a name.

    It is safe against production, with the token of a test account: it only uses baskets of its own, with external
    ids of their own, and cancels them at the end. It creates some hundred baskets within a minute. `Retry-After` is
    obeyed. Tokens are left out of reports; give them by variables, so that no list of processes shows them.

    Exit code 0: every case passed or was skipped. 1: a case failed, or could not be run to its end. 2: the service cannot be reached, or refuses the
    token.
    """
    from cli.conformance import reports, suite
    from cli.conformance.options import ServiceLimits
    from cli.conformance.session import SessionOptions, run_session

    cases = suite.select(tuple(only or ()))
    if not cases:
        raise typer.BadParameter("no case has such an id; --list shows them", param_hint="--only")
    if list_cases:
        reports.list_cases(cases, Output(wide=wide), markdown=markdown, json=json)
        return
    if junit is not None and not junit.parent.is_dir():
        raise typer.BadParameter(f"there is no folder {junit.parent}", param_hint="--junit")
    options = SessionOptions(
        url=url,
        token=token,
        other_token=other_token,
        other_scope_token=other_scope_token,
        offers=tuple(offer or ()),
        country=country,
        currency=currency,
        kafka=kafka,
        topic_prefix=topic_prefix,
        allow_dead_letters=allow_dead_letters,
        load_catalogue=load_catalogue,
        at_once=at_once,
        timeout=timeout,
        landing_cookie=landing_cookie,
        partner_claim=partner_claim,
        limits=ServiceLimits(max_quantity, max_items, max_actions, max_body_bytes),
    )
    report = run_async(run_session(options, cases))
    if junit is not None:
        reports.write_junit(report, junit)
    if json:
        echo_json(reports.report_json(report))
    else:
        reports.show_report(report, Output(wide=wide))
    raise typer.Exit(DONE if report.conforms else NOT_DONE)
