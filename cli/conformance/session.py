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
from cli.conformance.case import NEED_OFFERS, Case, Need
from cli.conformance.catalogue_probe import await_catalogue
from cli.conformance.client import ServiceClient
from cli.conformance.context import CaseContext, SuiteRun
from cli.conformance.failures import CaseNotRun, Deviation
from cli.conformance.kafka_side import open_kafka_side
from cli.conformance.offers import CatalogueWriter, OwnCatalogue, SuiteOffers
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
    topic_prefix: str
    allow_dead_letters: bool
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
    options = _for_cases(_suite_options(session), cases)
    began = monotonic()
    async with _open_run(options, transport) as run:
        with progress_bars() as progress:
            done = 0

            def count(result: CaseResult) -> None:
                nonlocal done
                done += 1
                progress("conformance", done, len(cases), result.case.id)

            results = await run_cases(run, cases, count)
    return SuiteReport(options.url, run.id, results, monotonic() - began)


def _for_cases(options: SuiteOptions, cases: Sequence[Case]) -> SuiteOptions:
    """Without a catalogue of the suite where no case needs offers, and without Kafka where neither needs it."""
    needs = {need for case in cases for need in case.needs}
    load_catalogue = options.load_catalogue and not needs.isdisjoint(NEED_OFFERS)
    kafka = options.kafka if load_catalogue or Need.KAFKA in needs else None
    return replace(options, load_catalogue=load_catalogue, kafka=kafka)


@asynccontextmanager
async def _open_run(options: SuiteOptions, transport: httpx.AsyncBaseTransport | None) -> AsyncIterator[SuiteRun]:
    async with AsyncExitStack() as stack:
        client = ServiceClient(options, transport)
        stack.push_async_callback(client.aclose)
        run = SuiteRun(secrets.token_hex(4), options, client)
        await require_service(run)
        if options.offers:
            run = replace(run, offers=SuiteOffers(options.offers))
        if options.kafka is not None:
            settings = load_settings().model_copy(update={"kafka_bootstrap_servers": options.kafka})
            run = replace(run, kafka=await stack.enter_async_context(open_kafka_side(settings, options.topic_prefix)))
        if options.load_catalogue:
            run = await stack.enter_async_context(with_own_catalogue(run, run.kafka))
        yield run


@asynccontextmanager
async def with_own_catalogue(run: SuiteRun, writer: CatalogueWriter | None) -> AsyncIterator[SuiteRun]:
    """The run with the suite's own offers, which are withdrawn at the end. Raises CheckoutError."""
    options = run.options
    if writer is None:
        raise ServiceNotUsable("--load-catalogue publishes its offers by --kafka HOST:PORT")
    if options.organisation is None:
        raise ServiceNotUsable(
            "--load-catalogue makes offers for the organisation of the token: --partner-claim names it"
        )
    own = OwnCatalogue(writer, run.id, options.organisation, options.country, options.currency)
    try:
        await own.publish_all()
        probe = CaseContext(run, "catalogue")
        try:
            await await_catalogue(probe, own)
        except (Deviation, CaseNotRun) as error:
            raise ServiceNotUsable(f"the suite cannot try its own offers: {error}") from error
        finally:
            await probe.clean_up()
        yield replace(run, offers=SuiteOffers((own.plain, own.second), own))
    finally:
        await own.withdraw_all()


def _suite_options(session: SessionOptions) -> SuiteOptions:
    if session.url is None or session.token is None:
        session = _of_running_service(session)
    if session.url is None or session.token is None:
        raise ServiceNotUsable("--url and --token say which service to try, and as whom (CONFORMANCE_TOKEN)")
    _require_url(session.url)
    organisation = _organisation(session.token, session.partner_claim)
    other = None if session.other_token is None else _organisation(session.other_token, session.partner_claim)
    if organisation is not None and other == organisation:
        raise ServiceNotUsable(f"--other-token has to be of another organisation, and is of {organisation} too")
    return SuiteOptions(
        url=session.url,
        token=_required_secret("--token", session.token),
        other_token=_secret("--other-token", session.other_token),
        other_scope_token=_secret("--other-scope-token", session.other_scope_token),
        offers=tuple(map(_offer_version, session.offers)),
        country=session.country,
        currency=session.currency,
        kafka=session.kafka,
        topic_prefix=session.topic_prefix,
        dead_letters_allowed=session.allow_dead_letters,
        load_catalogue=session.load_catalogue,
        organisation=organisation,
        landing_cookie=session.landing_cookie,
        limits=session.limits,
        timeout=session.timeout,
        at_once=session.at_once,
    )


def _of_running_service(session: SessionOptions) -> SessionOptions:
    """With the service of the data folder, tokens by its own issuer, its topics, and a catalogue of the suite. As it is
    where another URL is given."""
    settings = load_settings()
    service = running_service(settings.data)
    if service is None and session.url is None:
        raise ServiceNotUsable(f"--url names no service, and {why_no_service(settings.data)}")
    if service is None or session.url not in (None, service.url):
        return session
    organisation = f"conformance-{secrets.token_hex(4)}"
    other_scope = session.other_scope_token or issue_token(settings, partner=organisation, scope="operator")
    return replace(
        session,
        url=service.url,
        token=session.token or issue_token(settings, partner=organisation),
        other_token=session.other_token or issue_token(settings, partner=f"{organisation}-other"),
        other_scope_token=other_scope,
        kafka=session.kafka or settings.kafka_bootstrap_servers,
        allow_dead_letters=True,
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


def _require_url(url: str) -> None:
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise ServiceNotUsable(f"--url {url}: {error}") from None
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise ServiceNotUsable(f"--url {url}: it has to be an address such as https://gateway.example")


def _secret(option: str, token: str | None) -> SecretStr | None:
    return None if token is None else _required_secret(option, token)


def _required_secret(option: str, token: str) -> SecretStr:
    token = token.strip()
    if not token or not token.isascii() or not token.isprintable():
        raise ServiceNotUsable(f"{option} is no token: it is empty, or has characters that no header can bear")
    return SecretStr(token)


def _offer_version(text: str) -> OfferVersion:
    id, colon, version = text.rpartition(":")
    if not (id and colon and version):
        raise ServiceNotUsable(f"--offer {text}: an offer is written ID:VERSION")
    return OfferVersion(id, version)
