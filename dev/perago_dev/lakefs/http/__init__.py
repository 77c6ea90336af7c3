"""lakeFS's OpenAPI over HTTP: parameters in, JSON out. Rules live in `ops`, nothing is decided here."""
