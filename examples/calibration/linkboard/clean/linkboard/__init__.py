"""A service of short links."""
