"""Verification: a Tree and its contract -> a Verdict."""

from orchestrator.verify.subject import Subject
from orchestrator.verify.verifier import Verifier, unverified

__all__ = ["Subject", "Verifier", "unverified"]
