"""A caller that costs next to nothing, so that what is measured is the service: HTTP/1.1 by hand, one
connection, one call at a time."""

from __future__ import annotations

import asyncio
import json
from time import perf_counter
from typing import Any
from urllib.parse import urlsplit


class HttpCaller:
    def __init__(self, url: str) -> None:
        self._target = urlsplit(url)

    async def __aenter__(self) -> HttpCaller:
        streams = await asyncio.open_connection(self._target.hostname, self._target.port)
        self._reader, self._writer = streams
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.close()

    async def call(
        self, method: str, path: str, token: str, body: object = None
    ) -> tuple[float, dict[str, Any]]:
        """The seconds until the answer was there, and the answer; raises RuntimeError where it is not 200."""
        content = b"" if body is None else json.dumps(body).encode()
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: {self._target.netloc}\r\nAuthorization: Bearer {token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
        )
        began = perf_counter()
        self._writer.write(head.encode() + content)
        status, *headers = (await self._reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        length = next(int(line[15:]) for line in headers if line.lower().startswith("content-length:"))
        answer = await self._reader.readexactly(length)
        seconds = perf_counter() - began
        if " 200 " not in status:
            raise RuntimeError(f"{method} {path}: {status} {answer[:300].decode()}")
        return seconds, json.loads(answer)
