"""The OpenAPI document, made of the models and the problem table that the calls themselves use."""

from __future__ import annotations

from api.partner.openapi.document import openapi_document

__all__ = ["openapi_document"]
