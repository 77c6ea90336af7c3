"""Plain HTTP to a server, without a client library."""

from typing import Any

import urllib3

from perago_dev.lakefs import Server


class Api:
    """Calls of the API without a client library."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.base = f"{server.endpoint}/api/v1"
        self.keys = urllib3.make_headers(basic_auth=f"{server.access_key}:{server.secret_key}")
        self._pool = urllib3.PoolManager(maxsize=16, retries=False)

    def call(self, method: str, path: str, **options: Any) -> urllib3.BaseHTTPResponse:
        """One call; the answer is read whole unless `preload_content` is False."""
        return self._pool.request(method, self.base + path, headers=self.keys, **options)

    def repository(self, name: str) -> str:
        """Makes a repository and gives its path."""
        answer = self.call("POST", "/repositories", json={"name": name, "storage_namespace": f"local://{name}"})
        assert answer.status == 201
        return f"/repositories/{name}"
