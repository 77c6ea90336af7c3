"""Where this checkout keeps the inputs of the environment."""

from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
DEV = REPOSITORY / "dev"
KIND_SOURCE = DEV / "kind"
