"""The live model: Anthropic's Messages API, or a server that speaks it."""

from orchestrator.models.anthropic.model import AnthropicModel

__all__ = ["AnthropicModel"]
