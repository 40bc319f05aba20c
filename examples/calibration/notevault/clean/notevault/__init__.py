"""Private notes behind a login."""
