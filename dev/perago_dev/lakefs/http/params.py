"""Parameters and bodies of requests, refused in the words of lakeFS's validator when they do not fit."""

import json
import re
from datetime import datetime
from typing import Any

from aiohttp import web

from perago_dev.lakefs.errors import ApiError
from perago_dev.lakefs.model.paging import DEFAULT_AMOUNT, MAX_AMOUNT, PageRequest

_AMOUNT_SCHEMA = {"default": DEFAULT_AMOUNT, "maximum": MAX_AMOUNT, "minimum": -1, "type": "integer"}
_RANGE_PATTERN = r"^bytes=((\d*-\d*,? ?)+)$"


def required(request: web.Request, name: str) -> str:
    """A query parameter that must be there and not be empty. Raises: ApiError 400."""
    value = request.query.get(name)
    if value is None:
        raise _parameter_error(name, "query", "value is required but missing")
    if not value:
        raise _parameter_error(name, "query", "empty value is not allowed")
    return value


def flag(request: web.Request, name: str, default: bool = False) -> bool:
    """A boolean query parameter. Raises: ApiError 400."""
    text = request.query.get(name)
    if text is None:
        return default
    if text.lower() not in ("true", "false"):
        raise _parameter_error(name, "query", f"value {text}: an invalid boolean")
    return text.lower() == "true"


def amount(request: web.Request) -> int:
    """How many results a page may have; zero and less mean the default. Raises: ApiError 400."""
    text = request.query.get("amount")
    if text is None:
        return DEFAULT_AMOUNT
    try:
        value = int(text)
    except ValueError as error:
        raise _parameter_error("amount", "query", f"value {text}: an invalid integer") from error
    if value > MAX_AMOUNT:
        problem = schema_error(f"number must be at most {MAX_AMOUNT}", _AMOUNT_SCHEMA, value)
        raise _parameter_error("amount", "query", problem)
    return value if value > 0 else DEFAULT_AMOUNT


def page_request(request: web.Request) -> PageRequest:
    """The four parameters of all listings. Raises: ApiError 400."""
    query = request.query
    return PageRequest(query.get("prefix", ""), query.get("after", ""), query.get("delimiter", ""), amount(request))


def moment(request: web.Request, name: str) -> float | None:
    """A date-time query parameter in seconds since 1970. Raises: ApiError 400."""
    text = request.query.get(name)
    if not text:
        return None
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError as error:
        raise _parameter_error(name, "query", f"value {text}: an invalid date-time") from error


def byte_range(request: web.Request) -> str | None:
    """The Range header, valid in form. Raises: ApiError 400."""
    text = request.headers.get("Range")
    if text is not None and not re.fullmatch(_RANGE_PATTERN[1:-1], text):
        problem = f'string doesn\'t match the regular expression "{_RANGE_PATTERN}"'
        schema = {"pattern": _RANGE_PATTERN, "type": "string"}
        raise _parameter_error("Range", "header", schema_error(problem, schema, text))
    return text


async def body(request: web.Request) -> dict[str, Any]:
    """A JSON object; an absent body is an empty one. Raises: ApiError 400."""
    raw = await request.read()
    try:
        content = json.loads(raw) if raw else {}
    except ValueError as error:
        raise ApiError(400, f"request body has an error: failed to decode request body: {error}") from error
    if not isinstance(content, dict):
        raise ApiError(400, "request body has an error: doesn't match schema: value must be an object")
    return content


def text_field(content: dict[str, Any], name: str, default: str | None = None) -> str:
    """A string of a body, required when there is no default. Raises: ApiError 400."""
    value = content.get(name, default)
    if not isinstance(value, str):
        raise ApiError(400, f'request body has an error: doesn\'t match schema: property "{name}" must be a string')
    return value


def text_map(content: dict[str, Any], name: str) -> dict[str, str]:
    """An object of strings of a body, empty when absent. Raises: ApiError 400."""
    value = content.get(name) or {}
    if not isinstance(value, dict) or not all(isinstance(each, str) for each in value.values()):
        raise ApiError(400, f'request body has an error: doesn\'t match schema: "{name}" must map strings to strings')
    return value


def schema_error(problem: str, schema: dict[str, Any], value: object) -> str:
    """The validator's text about a value that does not fit its schema."""
    return f"{problem}\nSchema:\n{_indented(schema)}\n\nValue:\n{_indented(value)}\n"


def _indented(value: object) -> str:
    text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False)
    return "\n".join("  " + line for line in text.splitlines())


def _parameter_error(name: str, place: str, problem: str) -> ApiError:
    return ApiError(400, f'parameter "{name}" in {place} has an error: {problem}')
