"""Objects that an API server is asked to take, and does not keep: every field must be one that it knows."""

import json
from pathlib import Path
from typing import Any

import httpx

Object = dict[str, Any]


class DryRun:
    """The API server of a kubeconfig with a token."""

    def __init__(self, kubeconfig: Path) -> None:
        config = json.loads(kubeconfig.read_text())
        token = config["users"][0]["user"]["token"]
        self._client = httpx.Client(
            base_url=config["clusters"][0]["cluster"]["server"],
            headers={"Authorization": f"Bearer {token}"},
            verify=False,  # a server of this test's on loopback
            timeout=30,
        )
        self._kinds: dict[str, dict[str, Object]] = {}

    def refusals(self, objects: list[Object]) -> list[str]:
        """What the server says of those objects that it does not take."""
        answers = [(obj, self._applied(obj)) for obj in objects]
        return [
            f"{obj['kind']} {obj['metadata']['name']}: {answer.text}"
            for obj, answer in answers
            if answer.status_code >= 400
        ]

    def _applied(self, obj: Object) -> httpx.Response:
        query = {"dryRun": "All", "fieldManager": "test", "force": "true", "fieldValidation": "Strict"}
        headers = {"Content-Type": "application/apply-patch+yaml"}
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
            resources = self._client.get(root).raise_for_status().json()["resources"]
            self._kinds[root] = {one["kind"]: one for one in resources if "/" not in one["name"]}
        return self._kinds[root]
