"""The model that is a person's own command-line client: `claude -p`, with the login that it has."""

from orchestrator.models.claude_code.client import PROGRAM, TRIED, ClaudeCode, program, version

__all__ = ["PROGRAM", "TRIED", "ClaudeCode", "program", "version"]
