"""The way out: which proxy leads to a server, and which authorities are trusted."""

import pytest

from perago.wire.egress import InvalidEgress, Proxies, ProxyServer, Route, redirection

BOTH = {"HTTP_PROXY": "http://plain:3128", "HTTPS_PROXY": "secure:8080"}


@pytest.mark.parametrize(
    ("url", "want"),
    [
        ("http://conductor.example/api", ProxyServer("plain", 3128)),
        ("https://conductor.example/api", ProxyServer("secure", 8080)),
    ],
)
def test_the_scheme_of_the_server_decides_which_proxy_it_is(url: str, want: ProxyServer) -> None:
    """Each has a variable, with or without http:// before the proxy's name."""
    assert Proxies.of(BOTH).to(url) == want


def test_without_variables_there_is_no_proxy() -> None:
    """Empty ones count as not set."""
    assert Proxies.of({"HTTP_PROXY": ""}).to("http://conductor.example") is None


def test_the_lower_case_variable_counts_where_both_are_set() -> None:
    """As curl and Python have it."""
    assert Proxies.of({"HTTP_PROXY": "upper", "http_proxy": "lower"}).http == ProxyServer("lower", 80)


def test_a_proxy_may_want_a_name_and_a_password() -> None:
    """Percent-encoded in the variable, and never shown."""
    proxy = Proxies.of({"HTTP_PROXY": "http://me:p%40ss@proxy:3128"}).http
    assert proxy is not None
    assert proxy.headers() == {"Proxy-Authorization": "Basic bWU6cEBzcw=="}
    assert "ss" not in repr(proxy)
    assert "@" not in proxy.url


@pytest.mark.parametrize("value", ["https://proxy:3128", "socks5://proxy", "http://", "http://proxy:port"])
def test_what_is_no_proxy_is_refused_by_its_variable(value: str) -> None:
    """Plain HTTP to the proxy is the only way that both sides speak."""
    with pytest.raises(InvalidEgress, match="HTTP_PROXY is not the address of a proxy"):
        Proxies.of({"HTTP_PROXY": value})


@pytest.mark.parametrize(
    ("entry", "host", "direct"),
    [
        ("*", "any.example", True),
        ("example", "example", True),
        ("example", "sub.example", True),
        (".svc", "lakefs.jobs.svc", True),
        ("*.svc", "lakefs.jobs.svc", True),
        ("svc.cluster.local", "lakefs.jobs.svc.cluster.local", True),
        ("SVC", "lakefs.jobs.svc", True),
        ("ample", "example", False),
        ("10.0.0.0/8", "10.2.3.4", True),
        ("10.0.0.0/8", "11.2.3.4", False),
        ("10.2.3.4", "10.2.3.4", True),
        ("fd00::/8", "[fd00::1]", True),
        ("example:8000", "example:8000", True),
        ("example:8001", "example:8000", False),
        ("[fd00::1]:80", "[fd00::1]", True),
    ],
)
def test_exceptions(entry: str, host: str, direct: bool) -> None:
    """Names with all below them, addresses, networks, and each with a port."""
    proxies = Proxies.of(BOTH | {"NO_PROXY": f"other.example, {entry}"})
    assert (proxies.to(f"http://{host}/") is None) is direct


def test_an_authority_that_is_no_certificate_is_refused() -> None:
    """It would be trusted in silence otherwise, or fail each connection."""
    with pytest.raises(InvalidEgress, match=r"ca\.crt.* is not a certificate in PEM"):
        Route(authorities="-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").context()


def test_a_redirection_is_told_without_its_query() -> None:
    """Which may carry a token of whoever redirects."""
    told = redirection(302, "https://login.example/start?state=s3cr3t#f")
    assert told is not None
    assert told.startswith("it redirects to https://login.example/start (HTTP 302)")
    assert redirection(301, None) is not None
    assert redirection(200, None) is None
    assert redirection(404, None) is None
