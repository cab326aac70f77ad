"""One port for several applications: the partner API, and what operators use beside it."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.types import ASGIApp, Receive, Scope, Send


class Dispatcher:
    """Sends each request to the application whose path it is below, and all others to the partner API.

    That costs partners one comparison for each application. Applications see the whole path.
    """

    def __init__(
        self,
        partner_api: ASGIApp,
        applications: Mapping[str, ASGIApp],
        *,
        index: ASGIApp,
        lifespan: ASGIApp,
        websockets: ASGIApp | None = None,
    ) -> None:
        """`applications` by paths such as `/console`. `index` answers at `/`. `lifespan` gets the events of start and
        stop. Only `websockets` accepts websockets."""
        self._index = index
        self._partner_api = partner_api
        self._applications = [(path, f"{path}/", each) for path, each in applications.items()]
        self._lifespan = lifespan
        self._websockets = websockets

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        application = self._application(scope)
        if scope["type"] == "websocket" and application is not self._websockets:
            await send({"type": "websocket.close"})
            return
        await application(scope, receive, send)

    def _application(self, scope: Scope) -> ASGIApp:
        if scope["type"] == "lifespan":
            return self._lifespan
        path: str = scope["path"]
        for own, below, application in self._applications:
            if path.startswith(below) or path == own:
                return application
        if path == "/" and scope["type"] == "http" and scope["method"] in {"GET", "HEAD"}:
            return self._index
        return self._partner_api
