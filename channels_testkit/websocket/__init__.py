"""WebSocket connections: the communicator, the client, their failures."""
