"""State on disk: SQLite for what is known, content-addressed files for bytes. No rules of lakeFS, no HTTP."""
