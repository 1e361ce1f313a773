"""One HTTP request: the communicator, its response, event streams."""
