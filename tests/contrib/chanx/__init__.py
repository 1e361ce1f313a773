"""A small project on Chanx, and the tests of the package on it."""
