"""The run of one test: what is in use, and how it ends."""
