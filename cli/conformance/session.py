"""One run of `checkout conformance`: its options, its connections, and its progress on stderr."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from time import monotonic

import httpx
import jwt
from pydantic import SecretStr

from adapters.auth.local_issuer import issue_token
from adapters.service_file import running_service, why_no_service
from cli.conformance.case import Case
from cli.conformance.client import ServiceClient
from cli.conformance.context import SuiteRun
from cli.conformance.kafka_side import open_kafka_side
from cli.conformance.offers import SuiteOffers
from cli.conformance.options import OfferVersion, ServiceLimits, SuiteOptions
from cli.conformance.run import CaseResult, ServiceNotUsable, SuiteReport, require_service, run_cases
from cli.output import progress_bars
from cli.runner import load_settings


@dataclass(frozen=True, slots=True)
class SessionOptions:
    """The options of the command. What is None may be known of the service of the data folder."""

    url: str | None
    token: str | None
    other_token: str | None
    other_scope_token: str | None
    offers: tuple[str, ...]
    country: str
    currency: str
    kafka: str | None
    load_catalogue: bool
    at_once: int
    timeout: float
    landing_cookie: str
    partner_claim: str
    limits: ServiceLimits


async def run_session(
    session: SessionOptions, cases: Sequence[Case], transport: httpx.AsyncBaseTransport | None = None
) -> SuiteReport:
    """Raises CheckoutError where the service or Kafka cannot be used."""
    options = _suite_options(session)
    began = monotonic()
    async with _open_run(options, transport) as run:
        await require_service(run.client, run)
        with progress_bars() as progress:
            done = 0

            def count(result: CaseResult) -> None:
                nonlocal done
                done += 1
                progress("conformance", done, len(cases), result.case.id)

            results = await run_cases(run, cases, count)
    return SuiteReport(options.url, run.id, results, monotonic() - began)


@asynccontextmanager
async def _open_run(options: SuiteOptions, transport: httpx.AsyncBaseTransport | None) -> AsyncIterator[SuiteRun]:
    async with AsyncExitStack() as stack:
        client = ServiceClient(options, transport)
        stack.push_async_callback(client.aclose)
        run = SuiteRun(secrets.token_hex(4), options, client)
        if options.kafka is not None:
            settings = load_settings().model_copy(update={"kafka_bootstrap_servers": options.kafka})
            run = replace(run, kafka=await stack.enter_async_context(open_kafka_side(settings)))
        if options.offers:
            run = replace(run, offers=SuiteOffers(options.offers))
        yield run


def _suite_options(session: SessionOptions) -> SuiteOptions:
    if session.url is None:
        session = _of_running_service(session)
    if session.url is None or session.token is None:
        raise ServiceNotUsable("--url and --token say which service to try, and as whom (CONFORMANCE_TOKEN)")
    if session.load_catalogue and session.kafka is None:
        raise ServiceNotUsable("--load-catalogue publishes its offers by --kafka HOST:PORT")
    return SuiteOptions(
        url=session.url,
        token=SecretStr(session.token),
        other_token=_secret(session.other_token),
        other_scope_token=_secret(session.other_scope_token),
        offers=tuple(map(_offer_version, session.offers)),
        country=session.country,
        currency=session.currency,
        kafka=session.kafka,
        load_catalogue=session.load_catalogue,
        organisation=_organisation(session.token, session.partner_claim),
        landing_cookie=session.landing_cookie,
        limits=session.limits,
        timeout=session.timeout,
        at_once=session.at_once,
    )


def _of_running_service(session: SessionOptions) -> SessionOptions:
    """The service of the data folder, with tokens by its own issuer, its topics, and a catalogue of the suite."""
    settings = load_settings()
    service = running_service(settings.data)
    if service is None:
        raise ServiceNotUsable(f"--url names no service, and {why_no_service(settings.data)}")
    organisation = f"conformance-{secrets.token_hex(4)}"
    return replace(
        session,
        url=service.url,
        token=session.token or issue_token(settings, partner=organisation),
        other_token=session.other_token or issue_token(settings, partner=f"{organisation}-other"),
        other_scope_token=session.other_scope_token or issue_token(settings, partner=organisation, scope="operator"),
        kafka=session.kafka or settings.kafka_bootstrap_servers,
        load_catalogue=True,
    )


def _organisation(token: str, claim: str) -> str | None:
    """The organisation that the token names; None if it cannot be read. The service verifies it, not the suite."""
    try:
        claims = jwt.decode(token, options={"verify_signature": False})
    except jwt.InvalidTokenError:
        return None
    named = claims.get(claim)
    return named if isinstance(named, str) else None


def _secret(token: str | None) -> SecretStr | None:
    return None if token is None else SecretStr(token)


def _offer_version(text: str) -> OfferVersion:
    id, colon, version = text.rpartition(":")
    if not (id and colon and version):
        raise ServiceNotUsable(f"--offer {text}: an offer is written ID:VERSION")
    return OfferVersion(id, version)
