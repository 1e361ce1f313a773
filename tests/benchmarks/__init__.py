"""Times of the library and of its peers; ``python -m tests.benchmarks``."""
