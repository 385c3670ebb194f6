"""Describes what a program is told by a callback, as a webhook of OpenAPI 3.1."""

from typing import Any

_HEADERS = {
    "webhook-id": ("The message's name: the same each time it comes", "msg_0a4f6c1e5d0a4a538f0e0c1d2e3f4a5b"),
    "webhook-timestamp": ("When it is sent, in seconds since 1970", "1738416100"),
    "webhook-signature": ("Standard Webhooks 1.0", "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4="),
}


def webhook(task: dict[str, Any]) -> dict[str, Any]:
    """Return the description; `task`: the document of its example."""
    example = {"type": "task.completed", "timestamp": "2025-02-01T13:21:07.123456+00:00", "data": task}
    schema = {"$ref": "#/components/schemas/CallbackDocument"}
    return {
        "operationId": "taskEnded",
        "summary": "A task has ended or waits for a review; sent to the address that is named for the API key",
        "security": [],
        "parameters": [_header(name, text, example) for name, (text, example) in _HEADERS.items()],
        "requestBody": {"required": True, "content": {"application/json": {"schema": schema, "example": example}}},
        "responses": {
            "2XX": {"description": "It is taken"},
            "410": {"description": "It is not wanted, and does not come again"},
            "default": {"description": "It comes again, for 24 hours"},
        },
    }


def _header(name: str, text: str, example: str) -> dict[str, Any]:
    schema = {"type": "string"}
    return {"name": name, "in": "header", "required": True, "description": text, "schema": schema, "example": example}
