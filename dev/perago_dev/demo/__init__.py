"""The demonstration: a Conductor workflow runs as isolated pods and publishes to lakeFS, and every claim is checked."""
