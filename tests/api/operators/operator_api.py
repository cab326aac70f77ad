"""The operator API on its own PostgreSQL, with clients and baskets."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
from fastapi import FastAPI
from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from adapters.auth.local_issuer import issue_token
from adapters.container import Container, open_operator_container
from adapters.settings import Settings
from api.operators.app import OPERATOR_API_PATH, operator_app
from domain.basket.commands import Action, RequestedItem
from domain.catalogue.facts import Fact
from domain.ports.messaging import DeadLetter
from domain.shared.values import MessageSource
from tests.builders import caller, initiate, update, validate
from tests.builders.direct_handlers import DirectHandlers
from tests.builders.stored_events import decode_stored
from tests.contracts.catalogue import sourced

ADA = "ada@operations"


@dataclass
class OperatorApiFixture:
    """The application and its container. It changes baskets as partners do."""

    container: Container
    app: FastAPI

    @property
    def settings(self) -> Settings:
        return self.container.settings

    def token(self, *, scope: str = "operator", partner: str | None = None, subject: str = ADA) -> str:
        lifetime = timedelta(minutes=5)
        return issue_token(self.settings, partner=partner, scope=scope, subject=subject, ttl=lifetime)

    def client(self, authorization: str | None) -> httpx.AsyncClient:
        headers = {} if authorization is None else {"authorization": authorization}
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app, raise_app_exceptions=False),
            base_url=f"http://checkout.test{OPERATOR_API_PATH}",
            headers=headers,
            event_hooks={"response": [DocumentCheck(self.app.openapi())]},
        )

    def operator(self) -> httpx.AsyncClient:
        return self.client(f"Bearer {self.token()}")

    async def fill(self, *items: RequestedItem, partner: str = "acme", **details: Any) -> str:
        basket_id = (
            await DirectHandlers(self.container.handlers).initiate(initiate(*items, **details), caller(partner))
        ).basket.id
        await self.project(basket_id)
        return basket_id

    async def change(self, basket_id: str, *actions: Action, partner: str = "acme") -> None:
        await DirectHandlers(self.container.handlers).update(update(basket_id, *actions), caller(partner))
        await self.project(basket_id)

    async def validate(self, basket_id: str, partner: str = "acme") -> int:
        """The verdict's version."""
        validated = await DirectHandlers(self.container.handlers).validate(validate(basket_id), caller(partner))
        await self.project(basket_id)
        return validated.basket.version

    async def record(self, *facts: Fact) -> None:
        await self.container.catalogue.record(sourced(facts))

    async def project(self, basket_id: str) -> None:
        stored = await self.container.event_store.read_events(basket_id)
        await self.container.projection.apply({basket_id: decode_stored(stored)})

    async def record_dead_letter(self, topic: str, offset: int, value: bytes, **values: Any) -> int:
        """The letter's number."""
        letter = DeadLetter(
            source=MessageSource(topic, 0, offset),
            key=b"key",
            value=value,
            headers=[("ce_id", b"1")],
            code="not_a_fact",
            error="nobody understood it",
            **values,
        )
        await self.container.blocked_baskets.record([letter])
        page = await self.container.dead_letter_service.list(None, 200, topic=topic)
        return max(each.id for each in page.letters)


@asynccontextmanager
async def open_operator_api(settings: Settings) -> AsyncIterator[OperatorApiFixture]:
    async with open_operator_container(settings) as container:
        yield OperatorApiFixture(container, operator_app(container))


class DocumentCheck:
    """An httpx hook: fails if a response does not match the OpenAPI document."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document
        resource = DRAFT202012.create_resource(document)
        self._registry: Registry[Any] = Registry().with_resource("openapi", resource)

    async def __call__(self, response: httpx.Response) -> None:
        await response.aread()
        assert response.headers["x-correlation-id"]
        operation = self._operation(response.request)
        if operation is None:
            assert response.status_code in (200, 401, 403, 404, 405)
            return
        described = operation["responses"].get(str(response.status_code))
        assert described is not None, f"{response.request.url.path} must not answer {response.status_code}"
        media = described["content"][response.headers["content-type"].partition(";")[0]]
        schema = _absolute(media["schema"])
        Draft202012Validator(schema, registry=self._registry, format_checker=FormatChecker()).validate(response.json())

    def _operation(self, request: httpx.Request) -> dict[str, Any] | None:
        wanted = request.url.path.split("/")
        for path, operations in sorted(self._document["paths"].items()):
            segments = path.split("/")
            if len(segments) == len(wanted) and all(
                part.startswith("{") or part == own for part, own in zip(segments, wanted, strict=True)
            ):
                found: dict[str, Any] | None = operations.get(request.method.lower())
                if found is not None:
                    return found
        return None


def _absolute(value: Any) -> Any:
    """The schema with its references into the registered document."""
    match value:
        case {"$ref": str(reference)}:
            return {"$ref": f"openapi{reference}"}
        case dict():
            return {name: _absolute(entry) for name, entry in value.items()}
        case list():
            return [_absolute(entry) for entry in value]
        case _:
            return value
