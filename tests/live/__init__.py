"""Tests of the live server, by real clients on real sockets."""
