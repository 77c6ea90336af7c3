"""The API server as different people ask it, without a process for each question."""

import base64
import json
import ssl
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import httpx
import yaml

Object = dict[str, Any]
GROUP = "/apis/perago.dev/v1alpha1"
TYPES = {"merge": "application/merge-patch+json", "json": "application/json"}


class Api:
    """The API server of a kubeconfig with a client certificate, such as kind's."""

    def __init__(self, kubeconfig: Path) -> None:
        config = yaml.safe_load(kubeconfig.read_text())
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
        known, stranger = (ssl.create_default_context(cadata=authority) for _ in range(2))
        with tempfile.NamedTemporaryFile(suffix=".pem") as file:
            file.writelines(base64.b64decode(user[f"client-{part}-data"]) for part in ("certificate", "key"))
            file.flush()
            known.load_cert_chain(file.name)
        self._admin, self._stranger = (
            httpx.Client(base_url=cluster["server"], verify=context, timeout=60, trust_env=False)
            for context in (known, stranger)
        )

    def asked(
        self, method: str, path: str, body: Object | None = None, *, who: str = "", token: str = "", dry: bool = False
    ) -> str:
        """What comes of a request by an administrator, by `who` (impersonated), or with a token: the code and words."""
        answer = self.answer(method, path, body, who=who, token=token, dry=dry)
        return f"{answer.status_code} {_words(answer)}"

    def answer(
        self, method: str, path: str, body: Object | None = None, *, who: str = "", token: str = "", dry: bool = False
    ) -> httpx.Response:
        """The same, as it came. With `dry`, the API server decides and keeps nothing."""
        headers = {"Content-Type": TYPES["merge" if method == "PATCH" else "json"]}
        headers |= {"Impersonate-User": who} if who else {}
        headers |= {"Authorization": f"Bearer {token}"} if token else {}
        query = {"fieldValidation": "Strict", **({"dryRun": "All"} if dry else {})} if method != "GET" else {}
        client = self._stranger if token else self._admin
        content = json.dumps(body) if body is not None else None
        return client.request(method, path, params=query, headers=headers, content=content)

    def apply(self, namespace: str, objects: Iterable[Object]) -> None:
        """Apply objects of the kinds that the scenes make, as an administrator. Raises httpx.HTTPStatusError."""
        query = {"fieldManager": "hostile", "force": "true", "fieldValidation": "Strict"}
        for obj in objects:
            path = "/".join((PATHS[obj["kind"]](namespace), obj["metadata"]["name"]))
            headers = {"Content-Type": "application/apply-patch+yaml"}
            self._admin.patch(path, params=query, headers=headers, content=json.dumps(obj)).raise_for_status()

    def read(self, path: str, **query: str) -> Object:
        """An object, or a list of them. Raises httpx.HTTPStatusError."""
        found: Object = self._admin.get(path, params=query).raise_for_status().json()
        return found

    def text(self, path: str, **query: str) -> str:
        """What is at a path, as text; what the server says where there is nothing."""
        return self._admin.get(path, params=query).text

    def namespaced(self) -> Iterator[tuple[str, str]]:
        """The root of each group and version, and the name of each of its resources that a namespace has."""
        groups = self.read("/apis")["groups"]
        roots = ["/api/v1", *(f"/apis/{group['preferredVersion']['groupVersion']}" for group in groups)]
        for root in roots:
            for resource in self.read(root)["resources"]:
                if resource["namespaced"] and "list" in resource["verbs"] and "/" not in resource["name"]:
                    yield root, resource["name"]


def _words(answer: httpx.Response) -> str:
    try:
        found = answer.json()
    except ValueError:
        return answer.text
    return str(found.get("message", "")) if isinstance(found, dict) and answer.is_error else ""


def attempts(namespace: str, name: str = "", part: str = "") -> str:
    """The path of the attempts of a namespace, of one of them, or of its status."""
    return "/".join(filter(None, (f"{GROUP}/namespaces/{namespace}/peragoattempts", name, part)))


def tasks(namespace: str, name: str = "", part: str = "") -> str:
    """The same of PeragoTasks."""
    return "/".join(filter(None, (f"{GROUP}/namespaces/{namespace}/peragotasks", name, part)))


def core(namespace: str, kind: str, name: str = "", part: str = "") -> str:
    """The same of a kind of Kubernetes' own."""
    return "/".join(filter(None, (f"/api/v1/namespaces/{namespace}/{kind}", name, part)))


PATHS: dict[str, Callable[[str], str]] = {
    "PeragoAttempt": attempts,
    "PeragoTask": tasks,
    "Pod": lambda namespace: core(namespace, "pods"),
    "ConfigMap": lambda namespace: core(namespace, "configmaps"),
}
"""Kind → where the objects of a namespace are."""
