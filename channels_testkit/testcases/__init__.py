"""The unittest classes: Django's test cases with a run around each test."""
