"""Sums up access logs."""
