"""The development environment: a real cluster, Conductor and lakeFS on one machine, brought up and down by name.

It serves people, tests and benchmarks. No part of the product imports it, and it uses the product only through
its Dockerfiles and its chart.
"""
