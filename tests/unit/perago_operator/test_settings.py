"""Settings come from environment variables, and a bad one is named."""

import os
from pathlib import Path

import pytest

from perago.wire.egress import ProxyServer
from perago_operator import settings
from perago_operator.core.config import Limits, NodeCache, TrustedCA

ENOUGH = {"PERAGO_RUNNER_IMAGE": "runner:1"}


def test_one_variable_is_enough() -> None:
    """Everything but the runner's image has a default."""
    assert settings.read(ENOUGH).runner_image == "runner:1"


def test_namespaces_are_separated_by_commas() -> None:
    """Blanks and empty parts do not count."""
    assert settings.read(ENOUGH | {"PERAGO_NAMESPACES": "a, b,"}).namespaces == ("a", "b")


def test_no_namespaces_means_all_of_them() -> None:
    """An empty variable counts as not set."""
    assert settings.read(ENOUGH | {"PERAGO_NAMESPACES": ""}).namespaces == ()


def test_the_identity_can_be_given() -> None:
    """Otherwise it is made of host and process: two on one host are two."""
    assert settings.read(ENOUGH | {"PERAGO_IDENTITY": "me"}).identity == "me"
    assert settings.read(ENOUGH).identity.endswith(f"_{os.getpid()}")


def test_a_missing_variable_is_named() -> None:
    """The error says which variable to set."""
    with pytest.raises(settings.SettingsError, match="PERAGO_RUNNER_IMAGE is not set"):
        settings.read({})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PERAGO_POLL_SECONDS", "soon"),
        ("PERAGO_POLL_SECONDS", "0"),
        ("PERAGO_POLL_SECONDS", "6"),
        ("PERAGO_HTTP_PORT", "70000"),
        ("PERAGO_LOG_LEVEL", "LOUD"),
        ("PERAGO_CONDUCTOR_TOKEN_HEADER", "Cookie"),
        ("PERAGO_LIMIT_PER_TASK", "-1"),
    ],
)
def test_a_bad_variable_is_named_without_its_value(name: str, value: str) -> None:
    """A value may be a secret put into the wrong variable."""
    with pytest.raises(settings.SettingsError, match=name) as caught:
        settings.read(ENOUGH | {name: value})
    assert f"'{value}'" not in str(caught.value).replace("'WARNING'", "")


def test_each_bad_variable_has_a_line() -> None:
    """One start is enough to see all that is wrong."""
    with pytest.raises(settings.SettingsError) as caught:
        settings.read({"PERAGO_HTTP_PORT": "x", "PERAGO_RECONCILES": "y"})
    assert len(str(caught.value).splitlines()) == 3


def test_the_conductor_address_comes_from_the_secrets_file(tmp_path: Path) -> None:
    """The mounted Secret's file `url` holds it."""
    (tmp_path / "url").write_text("http://conductor:8080/api\n")
    read = settings.read(ENOUGH | {"PERAGO_CONDUCTOR_KEYS": str(tmp_path)})
    assert read.conductor_secret_now().url == "http://conductor:8080/api"


def test_the_variable_wins_over_the_file(tmp_path: Path) -> None:
    """A person who sets it means it."""
    (tmp_path / "url").write_text("http://other/api")
    given = {"PERAGO_CONDUCTOR_KEYS": str(tmp_path), "PERAGO_CONDUCTOR_URL": "http://mine/api"}
    assert settings.read(ENOUGH | given).conductor_secret_now().url == "http://mine/api"


def test_without_a_conductor_address_the_error_names_variable_and_file(tmp_path: Path) -> None:
    """Both ways to give it are named."""
    read = settings.read(ENOUGH | {"PERAGO_CONDUCTOR_KEYS": str(tmp_path)})
    with pytest.raises(settings.SettingsError, match=f"no key 'url': set PERAGO_CONDUCTOR_URL, mend .* {tmp_path}"):
        read.require_conductor()


def test_what_decisions_depend_on_is_passed_on() -> None:
    """Each of these settings has a place in the core's `Config`."""
    variables = {
        "INSTALLATION": "blue",
        "RUNNER_SERVICE_ACCOUNT": "runners",
        "IMAGE_PULL_SECRETS": "one,two",
        "LAKEFS_SECRET": "lakefs-keys",
        "CONDUCTOR_SECRET": "conductor-keys",
        "RETRY_SECONDS": "7",
        "OUTAGE_SECONDS": "8",
        "HOST_USERS": "false",
        "USER_FROM_CLUSTER": "true",
        "RUNNER_PULL_POLICY": "Always",
        "PRESIGN": "false",
        "CONDUCTOR_TOKEN_HEADER": "X-Authorization",
        "TRUSTED_CA_CONFIG_MAP": "company",
        "TRUSTED_CA_KEY": "bundle.pem",
        "TTL_SECONDS": "8",
        "KEEP_FAILED_PODS_SECONDS": "11",
        "RETRIED_PATIENCE_SECONDS": "9",
        "UNSCHEDULABLE_PATIENCE_SECONDS": "10",
        "TURN_SECONDS": "12",
        "TURN_PATIENCE_SECONDS": "13",
        "DISRUPTION_RETRIES": "14",
        "DISRUPTION_BACKOFF_SECONDS": "15",
        "DISRUPTION_BACKOFF_CAP_SECONDS": "16",
        "LIMIT_PER_TASK": "17",
        "LIMIT_PER_NAMESPACE": "18",
        "LIMIT_PER_NODE": "0",
        "LIMIT_STARTING_PER_NODE": "19",
    }
    config = settings.read(ENOUGH | {f"PERAGO_{name}": value for name, value in variables.items()}).config()
    pod = config.pod
    assert (config.installation, config.ttl_seconds, config.keep_failed_pods_seconds) == ("blue", 8, 11)
    assert (config.retried_patience, config.unschedulable_patience) == (9, 10)
    assert (pod.runner_image, pod.service_account, pod.image_pull_secrets) == ("runner:1", "runners", ("one", "two"))
    assert (pod.host_users, pod.presign) == (False, False)
    assert (pod.user_from_cluster, pod.runner_pull_policy) == (True, "Always")
    assert (pod.lakefs_secret, pod.conductor_secret) == ("lakefs-keys", "conductor-keys")
    assert (pod.retry_seconds, pod.outage_seconds) == (7, 8)
    assert (pod.turn_seconds, config.turn_patience) == (12, 13)
    assert (config.disruption_retries, config.disruption_backoff, config.disruption_backoff_cap) == (14, 15, 16)
    assert config.limits == Limits(17, 18, None, 19)
    assert (pod.token_header, pod.trusted_ca) == ("X-Authorization", TrustedCA("ConfigMap", "company", "bundle.pem"))


@pytest.mark.parametrize(
    ("variables", "cache"),
    [
        ({}, None),
        ({"HOST_PATH": "/var/cache/perago"}, NodeCache("hostPath", "/var/cache/perago", 10 << 30, 20)),
        (
            {"CLAIM": "cache", "SIZE": "1500M", "KEEP_FREE_PERCENT": "0"},
            NodeCache("persistentVolumeClaim", "cache", 1_500_000_000, 0),
        ),
    ],
)
def test_the_node_cache_is_a_folder_or_a_claim_or_none(variables: dict[str, str], cache: NodeCache | None) -> None:
    """Its size is a quantity as Kubernetes writes them."""
    given = {f"PERAGO_NODE_CACHE_{name}": value for name, value in variables.items()}
    assert settings.read(ENOUGH | given).config().pod.node_cache == cache


@pytest.mark.parametrize(
    ("name", "value"), [("SIZE", "plenty"), ("KEEP_FREE_PERCENT", "101"), ("HOST_PATH", "cache"), ("HOST_PATH", "/")]
)
def test_a_node_cache_that_cannot_be_is_refused(name: str, value: str) -> None:
    """The variable is named."""
    with pytest.raises(settings.SettingsError, match=f"PERAGO_NODE_CACHE_{name}"):
        settings.read(ENOUGH | {f"PERAGO_NODE_CACHE_{name}": value})


def test_authorities_for_agents_can_be_in_a_secret() -> None:
    """As in a ConfigMap."""
    read = settings.read(ENOUGH | {"PERAGO_TRUSTED_CA_SECRET": "company"})
    assert read.config().pod.trusted_ca == TrustedCA("Secret", "company", "ca.crt")


def test_proxies_have_their_usual_variables_and_agents_get_them() -> None:
    """In upper or lower case; NO_PROXY alone leads nowhere, and is handed on all the same."""
    variables = {"https_proxy": "http://proxy:3128", "NO_PROXY": ".svc,10.0.0.0/8"}
    read = settings.read(ENOUGH | variables)
    assert read.config().pod.agent_variables == (
        ("HTTPS_PROXY", "http://proxy:3128"),
        ("NO_PROXY", ".svc,10.0.0.0/8"),
    )
    assert read.egress.proxies.to("https://conductor.example/api") == ProxyServer("proxy", 3128)


def test_a_bad_proxy_is_named_without_its_password() -> None:
    """The variable of one that is no HTTP proxy."""
    with pytest.raises(settings.SettingsError, match="HTTPS_PROXY is not the address") as caught:
        settings.read(ENOUGH | {"HTTPS_PROXY": "socks5://me:pass@proxy"})
    assert "pass" not in str(caught.value)


def test_lakefs_is_read_from_its_secret(tmp_path: Path) -> None:
    """As agents read theirs."""
    for name, value in {"endpoint": "http://lakefs/api/v1/", "accessKeyId": "a", "secretAccessKey": "s"}.items():
        (tmp_path / name).write_text(value)
    assert settings.read(ENOUGH | {"PERAGO_LAKEFS_KEYS": str(tmp_path)}).lakefs_secret_now().endpoint == "http://lakefs"


@pytest.mark.parametrize("ceiling", ["memory", "memory=lots", "memory=1e999999"])
def test_a_ceiling_that_is_none_is_refused_at_the_start(ceiling: str) -> None:
    """Not when an attempt asks for something."""
    with pytest.raises(settings.SettingsError, match=r"PERAGO_ATTEMPT_CEILING.*is not a quantity"):
        settings.read(ENOUGH | {"PERAGO_ATTEMPT_CEILING": ceiling})


def test_the_addresses_of_the_servers_are_those_of_the_secrets(tmp_path: Path) -> None:
    """As they are now; why one cannot be read is said in its place, and no key is."""
    read = settings.read(ENOUGH | {"PERAGO_CONDUCTOR_URL": "http://conductor/api", "PERAGO_LAKEFS_KEYS": str(tmp_path)})
    assert read.address_of("Conductor") == "http://conductor/api"
    assert read.address_of("lakeFS").startswith("an address that cannot be read (")
    for name, text in {"endpoint": "http://lakefs", "accessKeyId": "key", "secretAccessKey": "hidden"}.items():
        (tmp_path / name).write_text(text)
    assert read.address_of("lakeFS") == "http://lakefs"
