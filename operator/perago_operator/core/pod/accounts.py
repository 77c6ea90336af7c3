"""The user of both containers, and how the task's image comes to know it. Pure."""

from perago.wire import API_GROUP
from perago_operator.api.base import JsonObject

GROUP = 65532
"""The group of both containers, which owns the volumes."""
USER = 65532
"""Agent and task are one user: the body owns what the agent has downloaded, and may do to it what it likes."""
USER_NAME = "perago"
PASSWD_ANNOTATION, GROUP_ANNOTATION = f"{API_GROUP}/passwd", f"{API_GROUP}/group"
ACCOUNTS = {
    PASSWD_ANNOTATION: (
        "root:x:0:0:root:/root:/bin/sh\n"
        f"{USER_NAME}:x:{USER}:{GROUP}:Perago task:/tmp:/bin/sh\n"
        "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"
    ),
    GROUP_ANNOTATION: f"root:x:0:\n{USER_NAME}:x:{GROUP}:\nnogroup:x:65534:\n",
}
"""The task's /etc/passwd and /etc/group: whatever the image, there is a user for the uid that runs in it."""


def accounts_volume() -> JsonObject:
    """The files as the kubelet writes them from the annotations: it needs no other object and no container."""
    items = (("passwd", PASSWD_ANNOTATION), ("group", GROUP_ANNOTATION))
    return {
        "downwardAPI": {
            "items": [
                {"path": path, "fieldRef": {"fieldPath": f"metadata.annotations['{annotation}']"}}
                for path, annotation in items
            ]
        }
    }
