"""Holds an answer against the OpenAPI document that the application serves."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx
from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry
from referencing.jsonschema import DRAFT202012

PROBLEM = {"$ref": "#/components/schemas/Problem"}
_UNDESCRIBED = re.compile(r"/(openapi\.json|docs|docs-assets/.+|health/(live|ready))")


class Conformity:
    """An httpx hook: fails where an answer is not as the document says."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        self.seen: set[tuple[str, int]] = set()
        self._validators: dict[str, Draft202012Validator] = {}
        self._registry: Registry[Any] = Registry().with_resource("openapi", DRAFT202012.create_resource(document))
        self._paths = [
            (path, re.compile(re.sub(r"\{[^}]+\}", "[^/]+", path)))
            for path in sorted(document["paths"], key=_fixed_first)
        ]

    async def __call__(self, response: httpx.Response) -> None:
        await response.aread()
        path, method = response.request.url.path, response.request.method.lower()
        if _UNDESCRIBED.fullmatch(path) and response.status_code in (200, 503):
            return
        assert response.headers["x-correlation-id"]
        template = next((name for name, pattern in self._paths if pattern.fullmatch(path)), None)
        operation = self.document["paths"].get(template, {}).get("get" if method == "head" else method)
        if operation is None:
            assert response.status_code in (404, 405)
            self._check(response, PROBLEM)
            assert response.headers["content-type"] == "application/problem+json"
            return
        self.seen.add((operation["operationId"], response.status_code))
        described = operation["responses"].get(str(response.status_code))
        assert described is not None, f"{method} {template} must not answer {response.status_code}"
        for name, header in described["headers"].items():
            assert not header["required"] or name in response.headers, f"{name} is missing"
            if name in response.headers:
                self.validate(response.headers[name], header["schema"])
        unnamed = {"content-type", "content-length", "x-correlation-id"}
        assert {*response.headers} - unnamed <= {name.lower() for name in described["headers"]}
        if response.status_code == 304:
            assert "content-type" not in response.headers
            assert response.content == b""
            return
        assert response.headers["content-type"] in described["content"]
        if method != "head":
            media = described["content"][response.headers["content-type"]]
            self._check(response, media["schema"])

    def _check(self, response: httpx.Response, schema: dict[str, Any]) -> None:
        body = response.json()
        self.validate(body, schema)
        if response.is_error:
            assert body["status"] == response.status_code

    def validate(self, value: object, schema: dict[str, Any]) -> None:
        """Fails unless the value is as the schema says; references lead into the document."""
        schema = _absolute(schema)
        name = json.dumps(schema)
        if name not in self._validators:
            self._validators[name] = Draft202012Validator(
                schema, registry=self._registry, format_checker=FormatChecker()
            )
        self._validators[name].validate(value)


def _absolute(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema with its references into the registered document."""
    return json.loads(json.dumps(schema).replace('"#/', '"openapi#/'))  # type: ignore[no-any-return]


def _fixed_first(path: str) -> tuple[bool, str]:
    return ("{" in path, path)
