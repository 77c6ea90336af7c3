"""Where cases are tried: the namespaces, and the releases whose operators serve them. Pure.

The first release has all defences, and its operator runs in a namespace of its own. The second one has no admission
policies: there the operator's own checks are all that there is. The third one has none either, and serves one namespace
for each defence that is code: in that namespace, operator and agents do without it.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Site:
    """A namespace of attempts, and the release that serves it."""

    namespace: str
    system: str
    """The namespace of the release."""
    release: str
    lacks: str = ""
    """What operator and agents do without there, by its name in `defused/sitecustomize.py`."""

    @property
    def installation(self) -> str:
        """The name by which the operator calls itself in Conductor."""
        return f"{self.system}.{self.release}"

    def named(self, name: str) -> str:
        """A name for something outside the cluster that another site has as well."""
        return name if self == FULL else f"{self.namespace.partition('-')[2]}-{name}"


FULL = Site("hostile", "hostile-system", "hostile")
BARE = Site("hostile-bare", "hostile-bare", "hostile-bare")
ANY_POD = Site("hostile-any-pod", BARE.system, BARE.release)
"""Its namespace has no level of Pod Security."""
LACKING = "hostile-lacking"
"""The third release, and its namespace."""
CRASHES = Site("hostile-crashes", LACKING, LACKING, "crashes")
"""There the third release's agents can be made to crash, as can its operator."""
NAMESPACE, SYSTEM = FULL.namespace, FULL.system
OTHER = "hostile-other"
"""A namespace of somebody else."""
NAMESPACES = (NAMESPACE, SYSTEM, BARE.namespace, OTHER)
"""Those in which nothing is lacking but the admission policies: they are searched for secrets."""


def lacking(defence: str) -> Site:
    """Where operator and agents do without a defence of `defused/sitecustomize.py`."""
    return Site(f"hostile-no-{slug(defence)}", LACKING, LACKING, defence)


def slug(text: str) -> str:
    """A name for an object."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
