"""When this replica works, and how it ends."""
