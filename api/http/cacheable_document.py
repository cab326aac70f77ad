"""Documents that anybody may read and caches may keep."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from hashlib import sha256

from starlette.requests import Request
from starlette.responses import Response

from api.http.request_context import NOT_MODIFIED


@dataclass(frozen=True, slots=True)
class CacheableDocument:
    """A document with the entity tag of its content."""

    body: bytes
    cache_control: str
    media_type: str = "application/json"
    entity_tag: str = field(init=False)

    def __post_init__(self) -> None:
        digest = urlsafe_b64encode(sha256(self.body).digest()[:18]).decode()
        object.__setattr__(self, "entity_tag", f'"{digest}"')

    def answer(self, request: Request) -> Response:
        """The document, or 304 if the caller has it."""
        headers = {"Cache-Control": self.cache_control, "ETag": self.entity_tag}
        if _matches(request.headers.get("if-none-match", ""), self.entity_tag):
            return Response(status_code=NOT_MODIFIED, headers=headers)
        return Response(self.body, media_type=self.media_type, headers=headers)


def _matches(header: str, entity_tag: str) -> bool:
    """Weakly, as RFC 9110 13.1.2 has it. What is no entity tag matches nothing."""
    if header.strip() == "*":
        return True
    return any(tag.strip().removeprefix("W/") == entity_tag for tag in header.split(","))
