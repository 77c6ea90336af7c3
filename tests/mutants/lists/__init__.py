"""The mutants by subject: each module of this folder has a list `MUTANTS`."""

import pkgutil
from importlib import import_module
from typing import Final

from tests.mutants.mutant import Mutant

PART: Final = (
    "operator/perago_operator/core/evidence.py",
    "operator/perago_operator/core/reporting.py",
    "operator/perago_operator/core/rules/",
    "operator/perago_operator/core/siblings.py",
    "operator/perago_operator/core/situation/",
    "operator/perago_operator/process/leader.py",
    "runner/perago/agent/fence.py",
    "runner/perago/agent/publication.py",
    "runner/perago/agent/publisher.py",
    "runner/perago/agent/sequence.py",
    "runner/perago/run.py",
    "runner/perago/workspace/plan.py",
)
"""The files whose mutants `make test` tries: a test that no longer notices them may let a workspace be lost, published
twice, or published by an attempt that is no longer the current one. All mutants would take several times as long.

The choice is fixed: when it fails, the change at hand is the cause. A share that changed from commit to commit would
also reach the other files, but it would fail for people who have not touched them.
"""

EVERY: tuple[Mutant, ...] = tuple(
    mutant for module in pkgutil.iter_modules(__path__) for mutant in import_module(f"{__name__}.{module.name}").MUTANTS
)
