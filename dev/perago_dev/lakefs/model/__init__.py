"""Pure data and rules: entries, trees, pages, merges, action files. No I/O, no SQLite, no HTTP."""
