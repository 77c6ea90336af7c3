"""Objects that attempts on this node have downloaded before: a folder that agents share and no task can reach.

It is never the reason for a failure: whatever goes wrong with it, the object comes from lakeFS.
"""
