"""One protection put to the proof: an attack with it in place, and with it taken away."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

Part = Literal["sandbox", "limits", "verification", "install", "names", "rendering", "root"]


class Place(NamedTuple):
    """Where an attack is made: `base` is new and empty, `environment` a Python environment."""

    base: Path
    environment: Path
    cache: Path


class Measured(NamedTuple):
    """What the attack achieved, a line each: with everything in place, without the protection, and
    without the layer behind it as well (None where there is no such layer).
    """

    in_place: tuple[str, ...]
    without: tuple[str, ...]
    both: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Case:
    """`layer` is what also stops the attack, "" where nothing else does. `sign` is a part of what
    the attack achieves when it gets through. `why_not` says why nothing could be shown; then
    `measure`, if there is any, finds that the attack fails even without the protection.
    """

    part: Part
    protection: str
    away: str
    project: str
    measure: Callable[[Place], Measured] | None = None
    sign: str = ""
    layer: str = ""
    why_not: str = ""
    quick: bool = False

    @property
    def name(self) -> str:
        words = f"{self.part} {self.protection} {self.project}"
        return "-".join("".join(c if c.isalnum() else " " for c in words).split())[:90]

    @property
    def verdict(self) -> str:
        if self.why_not:
            return f"not shown: {self.why_not}"
        return f"redundant: {self.layer}" if self.layer else "needed"

    def wrong(self, found: Measured) -> str:
        """What `found` says against the verdict, "" when it bears it out."""
        if found.in_place:
            return f"gets through with everything in place: {found.in_place[:3]}"
        through = [one for one in found.without if self.sign in one]
        if self.why_not:
            return f"gets through after all: {through[:3]}" if found.without else ""
        if not self.layer:
            return "" if through else f"does not get through without it: {found.without[:3]}"
        if found.without:
            return f"{self.layer} does not stop it: {found.without[:3]}"
        if not any(self.sign in one for one in found.both or ()):
            return f"does not get through without {self.layer} either: {(found.both or ())[:3]}"
        return ""
