"""What a test says: assertions, connecting, all that is done in a run."""
