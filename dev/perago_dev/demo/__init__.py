"""The demonstration: a Conductor workflow runs as isolated pods and publishes to lakeFS, and each step is checked."""
