"""Worker consumers, and messages for them."""
