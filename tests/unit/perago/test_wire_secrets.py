"""What the Secrets of lakeFS and Conductor say: one reading, which operator and agent share."""

from pathlib import Path

import pytest

from perago.wire.egress import Egress, Proxies, ProxyServer
from perago.wire.secrets import ConductorKeys, InvalidSecret, conductor_keys, lakefs_keys, texts_in

LAKEFS = {"endpoint": "http://lakefs", "accessKeyId": "AKIA", "secretAccessKey": "s3cr3t"}


@pytest.mark.parametrize(
    "endpoint",
    ["http://lakefs:8000", "http://lakefs:8000/", "http://lakefs:8000/api/v1", " http://lakefs:8000/api/v1/ \n"],
)
def test_an_endpoint_may_have_the_path_of_the_api(endpoint: str) -> None:
    """As lakectl and the SDKs take both."""
    assert lakefs_keys({**LAKEFS, "endpoint": endpoint}, Egress()).endpoint == "http://lakefs:8000"


@pytest.mark.parametrize(
    ("url", "want"),
    [
        ("http://conductor:8080", "http://conductor:8080/api"),
        ("http://conductor:8080/", "http://conductor:8080/api"),
        ("http://conductor:8080/api", "http://conductor:8080/api"),
        ("http://conductor:8080/api/\n", "http://conductor:8080/api"),
        ("https://gateway/conductor/api", "https://gateway/conductor/api"),
        ("https://gateway/conductor", "https://gateway/conductor"),
    ],
)
def test_a_url_without_a_path_gets_the_one_of_the_api(url: str, want: str) -> None:
    """Any other path is a gateway's, who knows."""
    assert conductor_keys({"url": url}, Egress()).url == want


@pytest.mark.parametrize(
    "endpoint",
    ["lakefs", "lakefs:8000", "ftp://lakefs", "http://", "http://lakefs:port", "http://lakefs?x=1", "http://lakefs/#x"],
)
def test_what_is_no_address_is_refused_by_its_key(endpoint: str) -> None:
    """At once, and not as a server that does not answer."""
    with pytest.raises(InvalidSecret, match="'endpoint' of the Secret of lakeFS is not an address such as"):
        lakefs_keys({**LAKEFS, "endpoint": endpoint}, Egress())


def test_an_address_with_a_password_is_refused_and_not_shown() -> None:
    """Addresses stand in messages."""
    with pytest.raises(InvalidSecret, match="holds a user name") as caught:
        conductor_keys({"url": "http://me:s3cr3t@conductor/api"}, Egress())
    assert "s3cr3t" not in str(caught.value)


@pytest.mark.parametrize("name", ["endpoint", "accessKeyId", "secretAccessKey"])
@pytest.mark.parametrize("value", [None, " \n"])
def test_a_missing_or_empty_key_is_named(name: str, value: str | None) -> None:
    """And never a value."""
    texts = {key: text for key, text in {**LAKEFS, name: value}.items() if text is not None}
    with pytest.raises(InvalidSecret, match=f"lakeFS does not exist, or has no key '{name}'") as caught:
        lakefs_keys(texts, Egress())
    assert "s3cr3t" not in str(caught.value)


def test_a_line_break_cannot_add_a_header() -> None:
    """A token of two lines is a mistake at best."""
    with pytest.raises(InvalidSecret, match="'token' of the Secret of Conductor has a line break"):
        conductor_keys({"url": "http://conductor", "token": "a\r\nX: y"}, Egress())


@pytest.mark.parametrize(
    ("keys", "want"),
    [
        ({}, {}),
        ({"token": "abc"}, {"Authorization": "Bearer abc"}),
        ({"token": "abc", "token_header": "X-Authorization"}, {"X-Authorization": "abc"}),
        ({"username": "u", "password": "p"}, {"Authorization": "Basic dTpw"}),
        ({"username": "u"}, {"Authorization": "Basic dTo="}),
        (
            {"username": "u", "password": "p", "token": "abc", "token_header": "X-Authorization"},
            {"Authorization": "Basic dTpw", "X-Authorization": "abc"},
        ),
    ],
)
def test_headers_of_conductor(keys: dict[str, str], want: dict[str, str]) -> None:
    """A token and a user name can go together where they have headers of their own."""
    assert ConductorKeys("http://conductor/api", **keys).headers() == want  # type: ignore[arg-type]


def test_the_secret_names_the_header_of_its_token() -> None:
    """Before the installation does; a header that nobody knows is refused by name."""
    given = {"url": "http://conductor", "token": "abc"}
    assert conductor_keys(given, Egress(), "X-Authorization").token_header == "X-Authorization"
    assert conductor_keys(given | {"tokenHeader": "authorization"}, Egress(), "X-Authorization").headers() == {
        "Authorization": "Bearer abc"
    }
    with pytest.raises(InvalidSecret, match="'tokenHeader' of the Secret of Conductor is neither Authorization nor"):
        conductor_keys(given | {"tokenHeader": "Cookie"}, Egress())


def test_the_route_leads_over_the_proxy_of_the_address() -> None:
    """Which the installation knows."""
    egress = Egress(Proxies.of({"HTTP_PROXY": "proxy:3128", "NO_PROXY": "lakefs"}))
    assert conductor_keys({"url": "http://conductor"}, egress).route.proxy == ProxyServer("proxy", 3128)
    assert lakefs_keys(LAKEFS, egress).route.proxy is None


def test_an_authority_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    """Whether the Secret has it or the installation."""
    with pytest.raises(InvalidSecret, match=r"lakeFS: the trusted authority \(ca.crt\) is not a certificate"):
        lakefs_keys({**LAKEFS, "ca.crt": "no certificate"}, Egress())
    (tmp_path / "ca.crt").write_text("neither")
    with pytest.raises(InvalidSecret, match="is not a certificate"):
        lakefs_keys(LAKEFS, Egress(authorities=tmp_path / "ca.crt"))
    assert lakefs_keys(LAKEFS, Egress(authorities=tmp_path / "missing")).route.authorities == ""


def test_a_folder_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    """Optional keys may be missing, and other files are no keys."""
    (tmp_path / "url").write_text("u")
    (tmp_path / "other").write_text("o")
    assert texts_in(tmp_path, ("url", "token")) == {"url": "u"}
