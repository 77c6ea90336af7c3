"""The mutants by subject."""

from tests.mutants.lists import agent, publishing
from tests.mutants.mutant import Mutant

EVERY: tuple[Mutant, ...] = (*publishing.MUTANTS, *agent.MUTANTS)
