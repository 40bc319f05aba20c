"""Figures, not assertions: uv run python -m tests.benchmarks."""
