"""What one process serves under one address: the partner API, and beside it what operators use."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.types import ASGIApp, Receive, Scope, Send


class Dispatcher:
    """Sends each request to the application whose path it is under, and all others to the partner API, which
    pays for the choice with one comparison a room. The applications see the whole path."""

    def __init__(
        self,
        partner_api: ASGIApp,
        rooms: Mapping[str, ASGIApp],
        *,
        index: ASGIApp,
        lifespan: ASGIApp,
        websockets: ASGIApp | None = None,
    ) -> None:
        """`rooms` by their paths, such as `/console`; `index` answers who reads `/`; `lifespan` is the application
        that start and stop are told, `websockets` the only one that has any."""
        self._index = index
        self._partner_api = partner_api
        self._rooms = [(path, f"{path}/", room) for path, room in rooms.items()]
        self._lifespan = lifespan
        self._websockets = websockets

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        room = self._room(scope)
        if scope["type"] == "websocket" and room is not self._websockets:
            await send({"type": "websocket.close"})
            return
        await room(scope, receive, send)

    def _room(self, scope: Scope) -> ASGIApp:
        if scope["type"] == "lifespan":
            return self._lifespan
        path: str = scope["path"]
        for own, below, room in self._rooms:
            if path.startswith(below) or path == own:
                return room
        if path == "/" and scope["type"] == "http" and scope["method"] in {"GET", "HEAD"}:
            return self._index
        return self._partner_api
