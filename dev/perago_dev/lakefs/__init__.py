"""A development server that speaks the part of lakeFS's API that Perago uses. It is not lakeFS.

`local_server` runs one beside a test; `python -m perago_dev.lakefs serve` runs one by itself. Needs aiohttp, PyYAML
and the standard library; knows nothing of the rest of `perago_dev` or of Perago.

    http   routes, parameters, JSON          →  ops    what lakeFS does, over one transaction
    store  SQLite, files, the writing thread    model  pure: trees, pages, merges, Lua of fences
"""

from perago_dev.lakefs.local import Server, local_server

__all__ = ["Server", "local_server"]
