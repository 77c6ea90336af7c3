"""The mutants by subject: each module of this folder has a list `MUTANTS`."""

import pkgutil
from importlib import import_module

from tests.mutants.mutant import Mutant

EVERY: tuple[Mutant, ...] = tuple(
    mutant for module in pkgutil.iter_modules(__path__) for mutant in import_module(f"{__name__}.{module.name}").MUTANTS
)
