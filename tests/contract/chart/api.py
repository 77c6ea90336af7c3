"""An API server as tests ask it some hundred times: without a process for each question."""

import json
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx

Object = dict[str, Any]
REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


class Api:
    """The API server of a kubeconfig with an administrator's token."""

    def __init__(self, kubeconfig: Path) -> None:
        config = json.loads(kubeconfig.read_text())
        self._token = config["users"][0]["user"]["token"]
        self._client = httpx.Client(
            base_url=config["clusters"][0]["cluster"]["server"],
            verify=False,  # a server of this test's on loopback
            timeout=60,
        )
        self._kinds: dict[str, dict[str, Object]] = {}

    def create(self, path: str, obj: Object, *, account: str = "") -> httpx.Response:
        """Create an object, as an account (`namespace:name`) if one is given; unknown fields are refused."""
        strictly = {"fieldValidation": "Strict"}
        return self._client.post(path, params=strictly, json=obj, headers=self._headers(account))

    def merge(self, path: str, patch: Object, *, account: str = "", token: str = "") -> httpx.Response:
        """Merge a patch into an object, as an account or with another token than the administrator's."""
        headers = {**self._headers(account, token), "Content-Type": "application/merge-patch+json"}
        return self._client.patch(path, content=json.dumps(patch), headers=headers)

    def may(self, account: str, namespace: str, verb: str, resource: str) -> bool:
        """Whether an account may do this there; `pods:log` is a subresource, `leases/a` one object."""
        kind, _, part = resource.partition(":")
        kind, _, name = kind.partition("/")
        asked = {"namespace": namespace, "verb": verb, "group": self._groups[kind], "resource": kind}
        spec = {"resourceAttributes": {**asked, "subresource": part, "name": name}}
        answer = self.create(REVIEWS, {"spec": spec}, account=account).raise_for_status().json()
        return bool(answer["status"]["allowed"])

    def refusals(self, objects: list[Object]) -> list[str]:
        """What the server says of those objects that it would not take; none is kept."""
        answers = [(obj, self._tried(obj)) for obj in objects]
        return [
            f"{obj['kind']} {obj['metadata']['name']}: {answer.text}"
            for obj, answer in answers
            if answer.status_code >= 400
        ]

    def _headers(self, account: str = "", token: str = "") -> dict[str, str]:
        impersonated = {"Impersonate-User": f"system:serviceaccount:{account}"} if account else {}
        return {"Authorization": f"Bearer {token or self._token}", **impersonated}

    def _tried(self, obj: Object) -> httpx.Response:
        query = {"dryRun": "All", "fieldManager": "test", "force": "true", "fieldValidation": "Strict"}
        headers = {**self._headers(), "Content-Type": "application/apply-patch+yaml"}
        return self._client.patch(self._path(obj), params=query, headers=headers, content=json.dumps(obj))

    def _path(self, obj: Object) -> str:
        version = obj["apiVersion"]
        root = f"/apis/{version}" if "/" in version else f"/api/{version}"
        kind = self._known(root)[obj["kind"]]
        inside = f"/namespaces/{obj['metadata'].get('namespace', 'system')}" if kind["namespaced"] else ""
        return f"{root}{inside}/{kind['name']}/{obj['metadata']['name']}"

    def _known(self, root: str) -> dict[str, Object]:
        """The kinds of a group and version."""
        if root not in self._kinds:
            resources = self._read(root)["resources"]
            self._kinds[root] = {one["kind"]: one for one in resources if "/" not in one["name"]}
        return self._kinds[root]

    @cached_property
    def _groups(self) -> dict[str, str]:
        """The group of each resource; where several groups have one of that name, the first, as for kubectl."""
        groups = {"users": ""}  # what may be impersonated is no object
        for root, group in [("/api/v1", ""), *self._preferred()]:
            for resource in self._read(root)["resources"]:
                groups.setdefault(resource["name"], group)
        return groups

    def _preferred(self) -> list[tuple[str, str]]:
        groups = self._read("/apis")["groups"]
        return [(f"/apis/{group['preferredVersion']['groupVersion']}", group["name"]) for group in groups]

    def _read(self, path: str) -> Object:
        answer: Object = self._client.get(path, headers=self._headers()).raise_for_status().json()
        return answer
