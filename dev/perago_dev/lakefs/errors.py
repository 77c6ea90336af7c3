"""The one way in which an operation says no: a status and the text that lakeFS 1.84 gave for the same refusal.

Knows nothing of HTTP libraries; the HTTP layer turns it into an answer.
"""

from collections.abc import Mapping


class ApiError(Exception):
    """A refusal: HTTP `status`, and the JSON `body` (by default `{"message": message}`)."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        body: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.body: Mapping[str, object] = body if body is not None else {"message": message}
        self.headers: Mapping[str, str] = headers or {}


def not_found(message: str) -> ApiError:
    """404 with lakeFS's text for it."""
    return ApiError(404, message)


def unsupported(what: str) -> ApiError:
    """501: lakeFS can do it, the development server cannot; said in so many words."""
    return ApiError(501, f"{what} is not supported by the Perago development server (this is not lakeFS)")
