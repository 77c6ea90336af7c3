"""A secret that was planted in any form is found, and nothing else is."""

import base64
import gzip
import json
from urllib.parse import quote, quote_plus

import pytest

from tests.hostile.canaries import Find, Searcher, forms

SECRET = "canary-5f1e2d3c4b5a6978+0f0e0d0c/="
SEARCHER = Searcher({"a key": SECRET})
PLANTED = {
    "as it is": f"token {SECRET} was refused",
    "in JSON": json.dumps({"headers": {"Authorization": f"Bearer {SECRET}"}}),
    "as bytes": f"\x00{SECRET}\x00".encode(),
    "reversed": SECRET[::-1],
    "in hex": SECRET.encode().hex(),
    "in capital hex": f"0x{SECRET.encode().hex().upper()}",
    "in a URL": f"http://x/?q={quote(SECRET)}",
    "in a form": quote_plus(SECRET),
    "in base64": base64.b64encode(SECRET.encode()).decode(),
    "in URL-safe base64": base64.urlsafe_b64encode(f"?{SECRET}".encode()).decode(),
    **{
        f"in the base64 of {before!r} and {after!r}": base64.b64encode(f"{before}{SECRET}{after}".encode()).decode()
        for before in ("", "u", "us", "user:")
        for after in ("", "@", "@h")
    },
}


@pytest.mark.parametrize("text", PLANTED.values(), ids=PLANTED.keys())
def test_a_planted_secret_is_found(text: str | bytes) -> None:
    """With what it is and where."""
    found = SEARCHER.search("a log", text)
    assert {(find.what, find.place) for find in found} == {("a key", "a log")}


@pytest.mark.parametrize(
    "text", ["", SECRET[:-1], SECRET.upper(), "canary-", base64.b64encode(SECRET[:20].encode()).decode()]
)
def test_what_is_not_the_secret_is_not_found(text: str) -> None:
    """Nor a part of it."""
    assert SEARCHER.search("a log", text) == []


def test_what_is_compressed_has_to_be_unpacked_first() -> None:
    """The search is for what anybody can read; places that are packed are unpacked where they are read."""
    assert SEARCHER.search("a file", gzip.compress(SECRET.encode())) == []


def test_places_are_counted_and_finds_named() -> None:
    """A place without a find counts as well."""
    places = [("one", "nothing"), ("two", SECRET), ("three", SECRET.encode().hex())]
    assert SEARCHER.search_all(places) == (
        3,
        [Find("a key", "as it is", "two"), Find("a key", "in hex", "three")],
    )
    assert str(Find("a key", "in hex", "three")) == "a key is in three, in hex"


def test_no_form_is_so_short_that_it_is_found_by_chance() -> None:
    """Whatever the secret."""
    assert [form for form, needle in forms("short") if len(needle) < 12] == []
    assert len({needle for _, needle in forms(SECRET)}) >= 9
