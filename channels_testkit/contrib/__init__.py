"""
Tests for frameworks that are built on Channels, through their real consumers.

Each module needs its framework installed, and nothing here is imported by the
rest of the package.
"""
