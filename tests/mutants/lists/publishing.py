"""What keeps a target branch right: the publication table and its metadata."""

from tests.mutants.mutant import Mutant, of

publication = of("runner/perago/agent/publication.py", "perago/agent/test_publication.py")

MUTANTS: tuple[Mutant, ...] = (
    *publication(
        ("a later attempt's publication is replaced", "retry < target.me.retry", "retry <= target.me.retry"),
        (
            "another attempt's publication counts as ours",
            "commit.metadata.get(metadata_keys.ATTEMPT_UID) == attempt_uid",
            "True",
        ),
    ),
)
