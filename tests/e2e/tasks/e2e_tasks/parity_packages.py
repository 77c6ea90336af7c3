"""What numpy and matplotlib do to files: memory maps in a workspace, and caches below the home."""

from pathlib import Path

from pydantic import JsonValue

from e2e_tasks.parity_body import body


@body
def numpy_memory_map(workspace: Path) -> JsonValue:
    """Written through a map and read through another, as arrays larger than memory are."""
    import numpy

    array = numpy.memmap(workspace / "map.bin", dtype="uint8", mode="r+")
    array[4096:4100] = 7
    array.flush()
    numpy.save(workspace / "saved.npy", array[4090:4110])
    return [numpy.__version__, int(numpy.load(workspace / "saved.npy", mmap_mode="r").sum())]


@body
def matplotlib_cache(workspace: Path) -> JsonValue:
    """The list of fonts is written when it is first imported."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots()
    axes.axis("off")
    axes.plot([1, 3, 2])
    figure.savefig(workspace / "figure.png")
    cache, settings = Path(matplotlib.get_cachedir()), Path(matplotlib.get_configdir())
    below = [str(folder.relative_to(Path.home())) for folder in (cache, settings)]
    return [matplotlib.__version__, *below, *sorted(path.name for path in cache.iterdir())]
