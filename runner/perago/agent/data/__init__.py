"""The data path: moves files between lakeFS and the volume. It decides nothing about what is published."""
