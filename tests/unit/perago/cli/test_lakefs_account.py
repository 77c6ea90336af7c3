"""Where `perago lakefs` finds lakeFS and its keys, and what it says where something is missing."""

from pathlib import Path

import pytest

from perago.cli.lakefs.account import FILE, KEY, SECRET, URL, account
from perago.cli.output import Misused

VARIABLES = {URL: "https://lakefs.example.org", KEY: "AKIA", SECRET: "s3cret"}
STORED = (
    "server: {endpoint_url: https://stored.example.org/api/v1}\ncredentials: {access_key_id: K, secret_access_key: S}"
)


def misuse(variables: dict[str, str], home: Path) -> str:
    """What the command says."""
    with pytest.raises(Misused) as misused:
        account(variables, home)
    return misused.value.problems[0].message


def test_the_variables_are_lakectls(tmp_path: Path) -> None:
    """The address may end in the API's path or not."""
    for url in ("https://lakefs.example.org", "https://lakefs.example.org/", "https://lakefs.example.org/api/v1/"):
        found = account({**VARIABLES, URL: url}, tmp_path)
        assert (found.api, found.access_key, found.secret) == ("https://lakefs.example.org/api/v1", "AKIA", "s3cret")


def test_the_file_is_lakectls(tmp_path: Path) -> None:
    """It is read where a variable is missing, and a variable takes precedence."""
    (tmp_path / ".lakectl.yaml").write_text(STORED)
    found = account({KEY: "AKIA"}, tmp_path)
    assert (found.api, found.access_key, found.secret) == ("https://stored.example.org/api/v1", "AKIA", "S")


def test_another_file_can_be_named(tmp_path: Path) -> None:
    """By the variable that lakectl reads as well; it must exist then."""
    (tmp_path / "other").write_text(STORED)
    assert account({FILE: str(tmp_path / "other")}, tmp_path / "home").access_key == "K"
    assert "does not exist" in misuse({**VARIABLES, FILE: str(tmp_path / "no")}, tmp_path)


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    """All of it at once, empty values included."""
    assert misuse({URL: VARIABLES[URL], KEY: " "}, tmp_path).startswith(
        f"set {KEY} and {SECRET}, or run lakectl config"
    )


@pytest.mark.parametrize("text", ["[1, 2]", "server: nothing", "credentials: {access_key_id: 5}", ""])
def test_a_file_of_another_shape_holds_nothing(tmp_path: Path, text: str) -> None:
    """What is missing is named as without a file."""
    (tmp_path / ".lakectl.yaml").write_text(text)
    assert misuse({}, tmp_path).startswith(f"set {URL}, {KEY} and {SECRET}")


@pytest.mark.parametrize("content", [b"credentials: {s3cret", b"s3cret\xff"])
def test_a_file_that_cannot_be_read_is_not_quoted(tmp_path: Path, content: bytes) -> None:
    """It may hold a secret."""
    (tmp_path / ".lakectl.yaml").write_bytes(content)
    assert "s3cret" not in misuse(VARIABLES, tmp_path)


@pytest.mark.parametrize("url", ["lakefs.example.org", "ftp://x", "http://x:port", "http://[", "http://x?a=1"])
def test_an_address_must_be_a_url(tmp_path: Path, url: str) -> None:
    """The message names the variable."""
    assert URL in misuse({**VARIABLES, URL: url}, tmp_path)


def test_keys_are_shown_nowhere(tmp_path: Path) -> None:
    """Neither where the address holds some nor where the account is printed."""
    assert "s3cret" not in misuse({**VARIABLES, URL: "https://me:s3cret@lakefs.example.org"}, tmp_path)
    assert "s3cret" not in repr(account(VARIABLES, tmp_path))
