"""The timeline of a test: what all its actors did, in one order."""
