"""A Messages API on 127.0.0.1 that holds its clients to the contract and answers by a script."""

from tests.loopback.contract import MODELS
from tests.loopback.reply import Fault, Reply, Script, in_turn, prompt_text, system_text
from tests.loopback.server import LoopbackServer, Recorded

__all__ = [
    "MODELS",
    "Fault",
    "LoopbackServer",
    "Recorded",
    "Reply",
    "Script",
    "in_turn",
    "prompt_text",
    "system_text",
]
