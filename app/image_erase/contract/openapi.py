"""What FastAPI cannot derive from the routes for the OpenAPI document: streamed bodies, and failures."""

from typing import Any

from image_erase.contract.endpoints import Endpoint
from image_erase.contract.envelope import Failure

#: The `responses` of every operation: all failures have one form.
FAILURES: dict[int | str, dict[str, Any]] = {
    "default": {"model": Failure, "description": "A failure, with the vendor's code"}
}


def upload(endpoint: Endpoint) -> dict[str, Any]:
    """Return the `openapi_extra` of an endpoint: a body of two files, and its parameters."""
    formats = f"One of {', '.join(endpoint.formats)}"
    properties = {
        endpoint.image.name: file(formats),
        endpoint.mask.name: file(f"{formats}, same size as the image; white is erased"),
        **{each.name: each.schema | {"description": each.meaning} for each in endpoint.parameters},
    }
    return multipart(properties, required=[field.name for field in endpoint.files])


def multipart(properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
    """Return the `openapi_extra` of an operation whose body is a form. properties: the schema of each field."""
    schema = {"type": "object", "properties": properties, "required": required}
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}}


def file(description: str) -> dict[str, Any]:
    """Return the schema of a file in a form."""
    return {"type": "string", "format": "binary", "description": description}
