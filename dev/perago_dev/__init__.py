"""The development environment: a real cluster, Conductor and lakeFS on one machine, brought up and down by name.

It serves people, tests and benchmarks. Nothing of the product imports it, and it knows the product only by its
Dockerfiles and its chart.
"""
