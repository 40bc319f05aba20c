"""Verification: a Tree and its contract -> a Verdict."""

from orchestrator.verify.verifier import Subject, Verifier, unverified

__all__ = ["Subject", "Verifier", "unverified"]
