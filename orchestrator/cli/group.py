"""`orchestrate "idea"` beside the sub-commands."""

import difflib

import click

from orchestrator.errors import Misuse

OWN = ("--help", "-h", "--version")


class IdeaGroup(click.Group):
    """A first word that is no command is an idea, unless it looks like a mistyped command."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Options may stand before the idea or the command: `orchestrate --quiet "an idea"`."""
        place = self._first_word(args)
        asked = next((one for one in args if one in OWN), None)
        if place < len(args) and args[place] in self.commands:
            args = [args[place], *args[:place], *args[place + 1 :]]
        elif asked:
            args = [asked]
        elif args:
            args = ["idea", *args]
        return super().parse_args(ctx, args)

    def named(self, args: list[str]) -> str:
        """The command that `args` name, "" when they give an idea."""
        place = self._first_word(args)
        return args[place] if place < len(args) and args[place] in self.commands else ""

    def _first_word(self, args: list[str]) -> int:
        """The place of the first argument that is neither an option nor an option's value."""
        takes = {
            name
            for command in self.commands.values()
            for one in command.params
            if isinstance(one, click.Option) and not one.is_flag
            for name in one.opts
        }
        place = 0
        while place < len(args) and args[place].startswith("-") and args[place] not in ("-", "--"):
            place += 2 if args[place] in takes else 1
        return place

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        rows = [
            (name, command.get_short_help_str(60))
            for name, command in self.commands.items()
            if not command.hidden
        ]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def checked(words: tuple[str, ...], commands: list[str]) -> str:
    """The idea in `words`. Raises Misuse for none, one bare word, or a near-miss of a command."""
    text = " ".join(words).strip()
    if not text:
        raise Misuse(
            "the idea is empty", 'say what to build: orchestrate "a to-do list for the shell"'
        )
    first = text.split()[0]
    one_word = len(text.split()) == 1
    near = difflib.get_close_matches(first, commands, n=1, cutoff=0.7)
    if near and (one_word or len(words) > 1):
        raise Misuse(f"no command {first!r}", f"did you mean: orchestrate {near[0]}?")
    if one_word:
        raise Misuse(
            f"one word, {text!r}, is no idea to build from",
            'say it in a sentence: orchestrate "a to-do list for the shell"',
        )
    return text
