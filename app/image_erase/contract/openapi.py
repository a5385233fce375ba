"""OpenAPI descriptions of the endpoints, which read their bodies themselves, so that FastAPI cannot derive them."""

from typing import Any

from image_erase.contract.endpoints import HEADER, Endpoint
from image_erase.contract.envelope import credit_account, failure, image_data, image_url, success
from image_erase.contract.errors import ApiError, Code
from image_erase.http.identity import RequestIds
from image_erase.results.links import PREFIX

SECURITY_SCHEME = "apiKey"
RESULT_PATH = f"/{PREFIX}/{{token}}/{{date}}/{{file}}"


def document(generated: dict[str, Any]) -> dict[str, Any]:
    """Return FastAPI's document with what all operations share, and with the paths that are plain Starlette routes.

    Those are plain routes because FastAPI's routes for GET do not answer HEAD.
    """
    components = generated.setdefault("components", {})
    components["securitySchemes"] = {SECURITY_SCHEME: {"type": "apiKey", "in": "header", "name": HEADER}}
    components.setdefault("schemas", {})["Failure"] = _schema(
        failure(RequestIds(), ApiError(Code.UNKNOWN_ERROR, "What is wrong."))
    )
    generated["paths"] |= _get_paths()
    return generated


def _get_paths() -> dict[str, Any]:
    picture = {"content": {kind: {} for kind in ("image/jpeg", "image/png")}, "description": "The erased picture"}
    segments = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in ("token", "date", "file")
    ]
    state = {"content": {"application/json": {"schema": {"type": "object"}}}, "description": "It is well"}
    return {
        RESULT_PATH: {
            method: _get("The erased picture", picture) | {"parameters": segments} for method in ("get", "head")
        },
        "/healthz": {"get": _get("Whether the server answers", state)},
        "/readyz": {"get": _get("Whether the server can do its work", state)},
    }


def _get(summary: str, answer: dict[str, Any]) -> dict[str, Any]:
    return {"summary": summary, "responses": {"200": answer, **failures()}}


def failures() -> dict[int | str, dict[str, Any]]:
    """Return the answers that every operation shares: all failures have one form."""
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Failure"}}}
    return {"default": {"description": "A failure, with the vendor's code", "content": content}}


def erase_operation(endpoint: Endpoint) -> dict[str, Any]:
    """Return arguments for FastAPI's add_api_route: an upload of two files, and the answer."""
    file = {"type": "string", "format": "binary"}
    formats = ", ".join(endpoint.formats)
    example, description = {
        "link": (image_url("https://example.com/result.png"), "The link to the result"),
        "base64": (image_data(b"result"), "The result in base64, as an array of one string"),
    }[endpoint.answer]
    return {
        "response_model": None,
        "responses": {200: _success(example, description), **failures()},
        "openapi_extra": {
            "security": [{SECURITY_SCHEME: []}],
            "requestBody": {
                "required": True,
                "content": {
                    "multipart/form-data": {
                        "schema": {
                            "type": "object",
                            "properties": {
                                endpoint.image.name: file | {"description": f"One of {formats}"},
                                endpoint.mask.name: file
                                | {"description": f"One of {formats}, same size as the image; white is erased"},
                                **{
                                    parameter.name: parameter.schema | {"description": parameter.meaning}
                                    for parameter in endpoint.parameters
                                },
                            },
                            "required": [field.name for field in endpoint.files],
                        }
                    }
                },
            },
        },
    }


def credits_operation() -> dict[str, Any]:
    """Return arguments for FastAPI's add_api_route: the credits query."""
    return {
        "summary": "Query the credits; they are set by the operator and never used up",
        "response_model": None,
        "responses": {200: _success([credit_account(1000000, 1767225600)], "The credits"), **failures()},
        "openapi_extra": {"security": [{SECURITY_SCHEME: []}]},
    }


def task_operation() -> dict[str, Any]:
    """Return arguments for FastAPI's add_api_route: the task query, which always fails."""
    task = {"name": "task_id", "in": "query", "required": True, "schema": {"type": "string"}}
    return {
        "summary": "Query an asynchronous task; this server creates none",
        "status_code": 400,
        "response_model": None,
        "responses": {400: {"description": "No such task"}, **failures()},
        "openapi_extra": {"security": [{SECURITY_SCHEME: []}], "parameters": [task]},
    }


def _success(data: Any, description: str) -> dict[str, Any]:
    schema = _schema(success(RequestIds(), data))
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _schema(example: Any) -> dict[str, Any]:
    """Return the JSON schema that the example satisfies."""
    if isinstance(example, dict):
        properties = {key: _schema(value) for key, value in example.items()}
        return {"type": "object", "properties": properties, "required": list(example)}
    if isinstance(example, list):
        return {"type": "array", "items": _schema(example[0])}
    return {"type": {str: "string", int: "integer", float: "number"}[type(example)], "example": example}
