"""The example's package as its image has it: on the import path. Its input: the table as the PyPI package ships it."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
EXAMPLE = ROOT / "examples" / "weather"
sys.path.insert(0, str(EXAMPLE))


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A workspace as task 1 finds it."""
    from vega_datasets import data  # type: ignore[import-untyped]

    (tmp_path / "data").mkdir()
    table = Path(data.seattle_weather.filepath)
    (tmp_path / "data" / "seattle-weather.csv").write_bytes(table.read_bytes())
    return tmp_path
