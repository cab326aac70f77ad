"""FastAPI's own first example: no token, no limits but the server's, no database."""

from __future__ import annotations

from fastapi import FastAPI


def hello_app() -> FastAPI:
    """Answers `GET /`."""
    app = FastAPI()

    @app.get("/")
    async def read_root() -> dict[str, str]:
        return {"Hello": "World"}

    return app
