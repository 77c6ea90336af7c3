"""The API server's address and our identity there, from a kubeconfig or the pod's service account.

It knows how the `kubernetes` package loads its configuration, and nothing of requests. Certificates may be files of a
kubeconfig or data in it; tokens are refreshed by the package's own hook (projected tokens, exec plug-ins).
"""

import asyncio
import ssl
import time
from dataclasses import dataclass
from pathlib import Path

from kubernetes import client, config  # type: ignore[import-untyped]

TOKEN_SECONDS = 30.0
"""How long a token is used before the package is asked again; the package re-reads projected ones every minute."""

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


class AccessError(Exception):
    """There is neither a kubeconfig nor a service account, or it is not usable."""


@dataclass(frozen=True, slots=True)
class Files:
    """Paths of the certificates in use, for clients that make a TLS context of their own (kopf does)."""

    ca: str | None
    certificate: str | None
    key: str | None


class Access:
    """Server address, TLS and authorization of one loaded configuration."""

    def __init__(self, configuration: client.Configuration) -> None:
        self._configuration = configuration
        self._authorization: str | None = None
        self._read_at = float("-inf")

    @property
    def server(self) -> str:
        """The API server's address, without a slash at its end."""
        return str(self._configuration.host).rstrip("/")

    @property
    def files(self) -> Files:
        """Paths of CA, client certificate and key."""
        loaded = self._configuration
        return Files(ca=loaded.ssl_ca_cert, certificate=loaded.cert_file, key=loaded.key_file)

    @property
    def verified(self) -> bool:
        """False when the kubeconfig says `insecure-skip-tls-verify`."""
        return bool(self._configuration.verify_ssl)

    def tls(self) -> ssl.SSLContext | None:
        """A TLS context with our CA and client certificate; None for a plain http server."""
        if not self.server.startswith("https:"):
            return None
        context = ssl.create_default_context(cafile=self.files.ca)
        if self.files.certificate:
            context.load_cert_chain(self.files.certificate, self.files.key)
        if not self.verified:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context

    def read_authorization(self) -> str | None:
        """The `Authorization` header as of now; may read files or run a plug-in, so not for the event loop."""
        settings = self._configuration.auth_settings().get("BearerToken")
        if settings is not None:
            return str(settings["value"])
        if self._configuration.username:
            return str(self._configuration.get_basic_auth_token())
        return None

    async def authorization(self, *, fresh: bool = False) -> str | None:
        """The `Authorization` header, at most `TOKEN_SECONDS` old; `fresh` after the server refused the last one."""
        if fresh or time.monotonic() - self._read_at > TOKEN_SECONDS:
            self._authorization = await asyncio.to_thread(self.read_authorization)
            self._read_at = time.monotonic()
        return self._authorization


def load(kubeconfig: Path | None = None) -> Access:
    """Access from this kubeconfig, else from the pod's service account, else from `KUBECONFIG` or `~/.kube/config`.

    Raises AccessError when there is none.
    """
    loaded = client.Configuration()
    try:
        if kubeconfig is None and (SERVICE_ACCOUNT / "token").exists():
            config.load_incluster_config(client_configuration=loaded)
        else:
            path = None if kubeconfig is None else str(kubeconfig)
            config.load_kube_config(config_file=path, client_configuration=loaded)
    except config.ConfigException as error:
        raise AccessError(f"no access to a cluster: {error}; set KUBECONFIG or run in a pod") from error
    return Access(loaded)
