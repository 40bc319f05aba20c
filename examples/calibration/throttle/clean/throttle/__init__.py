"""Limits how often a client may do something."""

from throttle.bucket import TokenBucket
from throttle.client import client_address
from throttle.keyed import Decision
from throttle.rate import Rate, parse_rate
from throttle.window import SlidingWindow

__all__ = ["Decision", "Rate", "SlidingWindow", "TokenBucket", "client_address", "parse_rate"]
