from __future__ import annotations

import socket

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from adapters.http.server import PortUnavailable, serve_in_background
from tests.adapters.http.echo_server import LIMITS


async def hello(_: Request) -> PlainTextResponse:
    return PlainTextResponse("hello")


APPLICATION = Starlette(routes=[Route("/", hello)])


async def test_a_background_server_serves_for_the_block_only() -> None:
    async with httpx.AsyncClient() as client:
        async with serve_in_background(APPLICATION, LIMITS, 0, "pages") as port:
            assert (await client.get(f"http://127.0.0.1:{port}/")).text == "hello"
        with pytest.raises(httpx.ConnectError):
            await client.get(f"http://127.0.0.1:{port}/")


async def test_a_taken_port_is_named_in_the_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(PortUnavailable, match=f"port {port} of 127.0.0.1 for pages cannot be had"):
            async with serve_in_background(APPLICATION, LIMITS, port, "pages"):
                raise AssertionError("it must not be served")
