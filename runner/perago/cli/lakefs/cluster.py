"""Which attempts a cluster has, read through the kubernetes client, which is loaded here alone and on demand."""

import os
from collections.abc import Collection, Iterator
from typing import Any

from perago.cli.lakefs.account import INSTALL
from perago.cli.output import Misused, Unusable, printable
from perago.problems import Problem
from perago.wire import API_GROUP, API_VERSION, ATTEMPTS_PLURAL
from perago.wire.leftovers import Attempt, fate_of

PAGE = 500
TIMEOUT = (10.0, 60.0)
"""Seconds to connect, and of silence before an answer."""


class ClusterFailed(Unusable):
    """The API server cannot be reached, or refuses; the message says what to do."""

    exit_code = 3

    def __init__(self, message: str) -> None:
        super().__init__([Problem(message)])


class Cluster:
    """The cluster of a context of the kubeconfig (None: the current one), or that of the pod that this runs in."""

    def __init__(self, context: str | None, namespace: str | None) -> None:
        self.namespace = namespace
        self._client = _client(context)

    def fates(self, uids: Collection[str]) -> dict[str, Attempt]:
        """Of those attempts that exist in the namespace, or (None) in any; raises ClusterFailed."""
        listed = ((str(attempt["metadata"]["uid"]), attempt.get("status")) for attempt in self._attempts())
        return {uid: fate_of(status) for uid, status in listed if uid in uids}

    def _attempts(self) -> Iterator[Any]:
        after: str | None = None
        while True:
            page = self._page(after)
            yield from page["items"]
            after = page["metadata"].get("continue")
            if not after:
                return

    def _page(self, after: str | None) -> Any:
        import urllib3
        from kubernetes.client.exceptions import ApiException  # type: ignore[import-untyped]

        arguments: dict[str, Any] = {"limit": PAGE, "_request_timeout": TIMEOUT} | (
            {"_continue": after} if after else {}
        )
        kind = (API_GROUP, API_VERSION)
        try:
            if self.namespace is None:
                return self._client.list_cluster_custom_object(*kind, ATTEMPTS_PLURAL, **arguments)
            return self._client.list_namespaced_custom_object(*kind, self.namespace, ATTEMPTS_PLURAL, **arguments)
        except ApiException as error:
            raise ClusterFailed(
                f"the cluster does not list its attempts: {_refusal(int(error.status or 0))}"
            ) from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise ClusterFailed(f"the cluster cannot be reached: {printable(str(error))}; check --context") from error


def _refusal(status: int) -> str:
    remedies = {
        401: "401, it does not know you; renew the credentials of your kubeconfig",
        403: f"403, you may not list {ATTEMPTS_PLURAL}.{API_GROUP} there; ask for that right, or pass --namespace",
        404: f"404, it does not know {ATTEMPTS_PLURAL}.{API_GROUP}; check --context, or install the chart's CRDs",
        410: "410, the list has changed too fast; try again",
    }
    return remedies.get(status, f"{status}; try again")


def _client(context: str | None) -> Any:
    try:
        from kubernetes import client, config  # type: ignore[import-untyped]
    except ImportError as error:
        raise Misused(f"{INSTALL} ({error})") from error
    try:
        config.load_config(config_file=os.environ.get("KUBECONFIG") or None, context=context)
    except config.ConfigException as error:
        text = f"there is no usable kubeconfig: {printable(str(error))}; set KUBECONFIG, or check --context"
        raise Misused(text) from error
    return client.CustomObjectsApi()
