"""Second opinions on the wire: servers that others wrote, asked by the live model."""
