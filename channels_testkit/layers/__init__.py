"""The captive channel layer, and putting layers in place."""
