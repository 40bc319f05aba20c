"""A command-line inventory kept in one SQLite file."""
