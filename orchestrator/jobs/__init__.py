"""Jobs: verifications in processes of their own, for runs that a host agent drives."""

from orchestrator.jobs.detached import Detached, Terms
from orchestrator.jobs.ending import clean, end_all

__all__ = ["Detached", "Terms", "clean", "end_all"]
