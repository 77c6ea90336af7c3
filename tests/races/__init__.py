"""Publishers that race for one branch of a real lakeFS, counted."""
