"""The type of what Kubernetes and Conductor call an object: JSON whose fields their own documentation describes."""

from typing import Any

Object = dict[str, Any]
