"""The cluster of a kubeconfig, through the kubernetes client, which is loaded here alone and on demand."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, Final

from perago.cli.output import printable
from perago.wire import API_GROUP
from perago.wire.depth import read_json
from perago_console.core.objects import Raw
from perago_console.ports import Kind, Listing, LogQuestion, Server
from perago_console.problems import Forbidden, Misused, NotFound, Problem, Unanswered

INSTALL: Final = "this command needs the extra console: install it with pip install 'perago[console]'"
PAGE: Final = 500
CONNECT_SECONDS, ANSWER_SECONDS = 10.0, 60.0
_ROLES: Final = ", which perago-viewer has, and perago-editor to change attempts"
_REVIEWS: Final = Kind("authorization.k8s.io", "v1", "selfsubjectaccessreviews", "access review")


@dataclass(frozen=True)
class Access:
    """Which cluster, and in whose name; None is what the kubeconfig says."""

    context: str | None = None
    user: str | None = None
    """Whom to impersonate, as kubectl's `--as`."""


class KubeCluster:
    """`ports.Cluster` over one API client."""

    def __init__(self, access: Access) -> None:
        self._client, self.namespace = _client(access)

    def get(self, kind: Kind, namespace: str | None, name: str) -> Raw:
        """The object."""
        asked = _Call("get", kind, namespace, name)
        return self._object(asked, "GET")

    def find(self, kind: Kind, namespace: str | None, *, labels: str = "", fields: str = "") -> Listing:
        """All objects, page by page."""
        asked, items, after = _Call("list", kind, namespace), list[Raw](), ""
        query = {"labelSelector": labels, "fieldSelector": fields, "limit": str(PAGE)}
        while True:
            page: Any = self._object(asked, "GET", query | {"continue": after})
            items += [
                {"apiVersion": page["apiVersion"], "kind": page["kind"].removesuffix("List"), **item}
                for item in page["items"]
            ]
            after = page["metadata"].get("continue") or ""
            if not after:
                return Listing(items, page["metadata"].get("resourceVersion", ""))

    def watch(self, kind: Kind, namespace: str | None, version: str, *, labels: str = "") -> Iterator[Raw]:
        """What changes from then on, one `{"type", "object"}` after the other; when the server ends it, it goes on."""
        asked = _Call("watch", kind, namespace)
        query = {"watch": "true", "allowWatchBookmarks": "true", "labelSelector": labels}
        while True:
            for line in self._lines(asked, {**query, "resourceVersion": version}):
                change = read_json(line.encode())
                if change["type"] == "ERROR":
                    words = printable(str(change["object"].get("message")))
                    raise Unanswered(f"the API server cannot {asked} any more: {words}; run the command again")
                version = change["object"]["metadata"]["resourceVersion"]
                yield change

    def merge(self, kind: Kind, namespace: str, name: str, patch: Raw) -> Raw:
        """The object once the merge patch is applied."""
        return self._object(_Call("patch", kind, namespace, name), "PATCH", body=patch)

    def create(self, kind: Kind, namespace: str, body: Raw) -> Raw:
        """The object that was created."""
        return self._object(_Call("create", kind, namespace), "POST", body=body)

    def log(self, question: LogQuestion) -> Iterator[str]:
        """The lines of a container's log; with `follow`, until the container has ended."""
        asked = _Call("get", Kind("", "v1", "pods", "log of pod"), question.namespace, question.pod, "log")
        query = {
            "container": question.container,
            "follow": "true" if question.follow else "",
            "tailLines": "" if question.tail is None else str(question.tail),
        }
        return self._lines(asked, query)

    def allows(self, verb: str, kind: Kind, namespace: str | None) -> bool:
        """Whether the API server would allow it."""
        resource, _, subresource = kind.plural.partition("/")
        attributes = {"verb": verb, "group": kind.group, "resource": resource, "subresource": subresource}
        spec: Any = {"resourceAttributes": attributes | ({"namespace": namespace} if namespace else {})}
        body = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": spec}
        answer: Any = self._object(_Call("create", _REVIEWS, None), "POST", body=body)
        return bool(answer["status"].get("allowed"))

    def server(self) -> Server:
        """What `/version` says, and the time of the answer."""
        asked = _Call("get", Kind("", "", "version", "version of the API server"), None)
        with _explained(asked, self._client.configuration.host):
            response = self._request("/version", "GET", {}, None, ANSWER_SECONDS)
            date = response.headers.get("Date")
            version = str(json.loads(response.data)["gitVersion"])
            return Server(self._client.configuration.host, version, parsedate_to_datetime(date) if date else None)

    def _object(self, asked: "_Call", method: str, query: Mapping[str, str] | None = None, body: Any = None) -> Raw:
        with _explained(asked, self._client.configuration.host):
            response = self._request(asked.path, method, query or {}, body, ANSWER_SECONDS)
            answer: Raw = read_json(response.data)
            return answer

    def _lines(self, asked: "_Call", query: Mapping[str, str]) -> Iterator[str]:
        with _explained(asked, self._client.configuration.host):
            rest = b""
            response = self._request(asked.path, "GET", query, None, None)
            try:
                for part in response.stream(decode_content=True):
                    *whole, rest = (rest + part).split(b"\n")
                    yield from (line.decode("utf-8", "replace") for line in whole)
                if rest:
                    yield rest.decode("utf-8", "replace")
            finally:
                response.release_conn()

    def _request(self, path: str, method: str, query: Mapping[str, str], body: Any, seconds: float | None) -> Any:
        headers = {"Accept": "application/json, */*"}
        if body is not None:
            headers["Content-Type"] = "application/merge-patch+json" if method == "PATCH" else "application/json"
        return self._client.call_api(
            path,
            method,
            query_params=[(name, value) for name, value in query.items() if value],
            header_params=headers,
            body=body,
            auth_settings=["BearerToken"],
            _preload_content=False,
            _request_timeout=(CONNECT_SECONDS, seconds),
        )


@dataclass(frozen=True)
class _Call:
    """A request in the words of RBAC."""

    verb: str
    kind: Kind
    namespace: str | None
    name: str = ""
    part: str = ""

    @property
    def path(self) -> str:
        place = f"/namespaces/{self.namespace}" if self.namespace else ""
        end = "".join(f"/{part}" for part in (self.name, self.part) if part)
        return f"{self.kind.root}{place}/{self.kind.plural}{end}"

    @property
    def right(self) -> str:
        resource = f"{self.kind.plural}/{self.part}" if self.part else self.kind.resource
        return f"{self.verb} {resource}{self._place}"

    @property
    def _place(self) -> str:
        return f" in namespace {self.namespace}" if self.namespace else " in all namespaces" if self.kind.group else ""

    def __str__(self) -> str:
        what = f"{self.kind.title} {self.name}".strip() if self.name else f"{self.kind.title}s"
        return f"{self.verb} {what}{self._place}"


@contextmanager
def _explained(asked: _Call, address: str) -> Iterator[None]:
    """What the client raises, as a sentence that names the call and the remedy."""
    import urllib3
    from kubernetes.client.exceptions import ApiException  # type: ignore[import-untyped]

    try:
        yield
    except ApiException as error:
        raise _refusal(asked, int(error.status or 0), _own_words(error)) from error
    except (urllib3.exceptions.HTTPError, OSError) as error:
        reason = printable(str(getattr(error, "reason", None) or error))
        raise Unanswered(
            f"the API server cannot be reached at {address}: {reason}; check --context and the network"
        ) from error


def _refusal(asked: _Call, status: int, words: str) -> Problem:
    roles = _ROLES if asked.kind.group == API_GROUP else ""
    remedies: Mapping[int, Problem] = {
        401: Unanswered("the API server does not know you (401); renew the credentials of your kubeconfig"),
        403: Forbidden(f"you may not {asked.right}; ask for that right{roles}"),
        404: NotFound(
            f"there is no {asked.kind.title} {asked.name}{asked._place}"
            if asked.name
            else f"the cluster does not know {asked.kind.resource}; check --context, or install the chart's CRDs"
        ),
        410: Unanswered(f"the API server cannot {asked} any more, as it has changed too fast; run the command again"),
    }
    if status == 404 and asked.part:
        return NotFound(f"there is no {asked.kind.title} {asked.name}: {words}")
    return remedies.get(status) or Unanswered(f"the API server refuses to {asked}: {status} {words}")


def _own_words(error: Any) -> str:
    try:
        return printable(str(json.loads(error.body)["message"]))
    except (ValueError, KeyError, TypeError):
        return printable(str(error.reason or ""))


def _client(access: Access) -> tuple[Any, str]:
    """An API client, and the namespace of its context."""
    try:
        from kubernetes import client, config  # type: ignore[import-untyped]
    except ImportError as error:
        raise Misused(f"{INSTALL} ({error})") from error
    configuration = client.Configuration()
    configuration.retries = False
    file = os.environ.get("KUBECONFIG") or None
    try:
        config.load_config(config_file=file, context=access.context, client_configuration=configuration)
        namespace = _namespace(config, file, access.context)
    except (config.ConfigException, OSError, ValueError) as error:
        reason = printable(str(error)).rstrip(".")
        raise Misused(f"there is no usable kubeconfig: {reason}; set KUBECONFIG, or check --context") from error
    api = client.ApiClient(configuration)
    if access.user:
        api.set_default_header("Impersonate-User", access.user)
    return api, namespace


def _namespace(config: Any, file: str | None, context: str | None) -> str:
    try:
        contexts, active = config.list_kube_config_contexts(file)
    except config.ConfigException:  # in a pod
        return "default"
    named = next((entry for entry in contexts if entry["name"] == context), active)
    return str(named["context"].get("namespace") or "default")
