"""What is mounted: keys are read from files, named when they are missing, and never shown."""

from pathlib import Path

import pytest

from perago import wire
from perago.agent import __main__ as main
from perago.agent.mounts import MissingKeys, Mounts, conductor_secret, lakefs_secret, pod_mounts
from perago.wire.egress import ProxyServer


def secret(folder: Path, **values: str) -> Path:
    for name, value in values.items():
        (folder / name).write_text(value)
    return folder


LAKEFS = {"endpoint": "http://lakefs/\n", "accessKeyId": "AKIA\n", "secretAccessKey": "s3cr3t\n"}


def test_keys_lose_their_line_ends(tmp_path: Path) -> None:
    """As `kubectl create secret --from-file` leaves them."""
    keys = lakefs_secret(Mounts(lakefs=secret(tmp_path, **LAKEFS)))
    assert (keys.endpoint, keys.access_key, keys.secret_key) == ("http://lakefs", "AKIA", "s3cr3t")


def test_keys_are_not_shown() -> None:
    """Neither in logs nor in errors."""
    from perago.wire.secrets import ConductorKeys, LakeFSKeys

    shown = repr(LakeFSKeys("http://x", "AKIA", "s3cr3t")) + repr(ConductorKeys("http://x", "t0k", "me", "pass"))
    assert not any(word in shown for word in ("AKIA", "s3cr3t", "t0k", "pass"))


@pytest.mark.parametrize("name", ["endpoint", "accessKeyId", "secretAccessKey"])
@pytest.mark.parametrize("empty", [True, False])
def test_a_missing_or_empty_key_is_named(tmp_path: Path, name: str, empty: bool) -> None:
    """The file, not a value."""
    folder = secret(tmp_path, **LAKEFS)
    (folder / name).write_text("\n") if empty else (folder / name).unlink()
    with pytest.raises(MissingKeys, match=name):
        lakefs_secret(Mounts(lakefs=folder))


@pytest.mark.parametrize(("text", "want"), [(None, False), ("True", True), ("false", False), ("yes", False)])
def test_replacing_unmarked_commits_is_off_unless_the_secret_says_true(
    tmp_path: Path, text: str | None, want: bool
) -> None:
    """The policy is stored beside the keys of the repository's server."""
    folder = secret(tmp_path, **LAKEFS, **({"replaceUnmarked": text} if text else {}))
    assert lakefs_secret(Mounts(lakefs=folder)).replace_unmarked is want


def test_conductor_needs_only_a_url(tmp_path: Path) -> None:
    """Credentials are optional."""
    keys = conductor_secret(Mounts(conductor=secret(tmp_path, url="http://conductor/api/")), "Authorization")
    assert (keys.url, keys.token, keys.username) == ("http://conductor/api", None, None)


@pytest.mark.parametrize(
    ("host", "want"), [("10.0.0.1", "https://10.0.0.1:6443"), ("fd00::1", "https://[fd00::1]:6443")]
)
def test_the_api_server_is_the_one_kubernetes_names(host: str, want: str) -> None:
    """IPv6 in brackets."""
    environ = {"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": "6443"}
    assert pod_mounts(environ).api_server == want


def test_the_way_out_is_that_of_the_pod(tmp_path: Path) -> None:
    """Proxies come from the container's environment, and the trusted authorities from where they are mounted."""
    environ = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "HTTP_PROXY": "http://proxy:3128"}
    egress = pod_mounts(environ).egress
    assert (egress.proxies.to("http://lakefs"), egress.authorities) == (
        ProxyServer("proxy", 3128),
        Path("/etc/perago/ca/ca.crt"),
    )


def test_the_header_of_a_token_is_the_installations_unless_the_secret_names_one(tmp_path: Path) -> None:
    """It was X-Authorization for every agent, whatever the operator sent."""
    mounts = Mounts(conductor=secret(tmp_path, url="http://conductor/api", token="t"))
    assert conductor_secret(mounts, "Authorization").headers() == {"Authorization": "Bearer t"}
    assert conductor_secret(mounts, "X-Authorization").headers() == {"X-Authorization": "t"}
    (tmp_path / "tokenHeader").write_text("x-authorization\n")
    assert conductor_secret(mounts, "Authorization").headers() == {"X-Authorization": "t"}


def test_a_secret_that_cannot_be_used_says_which_one_to_mend(tmp_path: Path) -> None:
    """There are two, in the attempt's namespace."""
    with pytest.raises(MissingKeys, match=r"'url' of the Secret of Conductor .* \(conductorSecretRef\)"):
        conductor_secret(Mounts(conductor=secret(tmp_path, url="conductor")), "Authorization")


def test_the_socket_is_where_the_wire_says() -> None:
    """The entry point repeats the path, because it listens before it imports."""
    assert main.SOCKET_PATH == wire.SOCKET_PATH
