"""Tasks that try what they should not; each returns what came of it."""
