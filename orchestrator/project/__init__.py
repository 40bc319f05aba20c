"""A person's own folder: read, verified, tried in the sandbox, and changed, all or nothing."""
