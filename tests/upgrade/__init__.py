"""The chart is changed while attempts run, and each of them has to end as if nothing had happened."""
