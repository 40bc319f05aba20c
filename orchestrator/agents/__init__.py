"""Agents: one module each, typed artifact in, typed artifact out."""
