"""Register paths for GET and HEAD."""

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter


def add_reading(routes: APIRouter, path: str, endpoint: Callable[..., Any], **described: Any) -> None:
    """Add a path that answers GET and HEAD. described: arguments for FastAPI's add_api_route.

    Two routes, because FastAPI gives each one operation ID in the OpenAPI document.
    """
    for method in ("GET", "HEAD"):
        routes.add_api_route(path, endpoint, methods=[method], **described)
