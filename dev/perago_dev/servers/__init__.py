"""Conductor, lakeFS and the API server: fetched or built, started in the cluster or on loopback, and addressed."""
