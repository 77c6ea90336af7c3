"""What lakeFS does, as functions over one transaction. They raise `ApiError`; they know nothing of HTTP or SQL."""
