"""The chart's alerts, tried by Prometheus's own promtool on time series that are made up."""
