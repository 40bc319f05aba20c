"""`orchestrate "idea"` beside the sub-commands."""

import difflib

import click

from orchestrator.errors import Misuse


class IdeaGroup(click.Group):
    """A first word that is no command is an idea, unless it looks like a mistyped command."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Options may stand before the idea: `orchestrate --quiet "an idea"`."""
        words = [one for one in args if not one.startswith("-") or one == "-"]
        known = words and words[0] in self.commands
        own = {"--help", "-h", "--version"}
        if args and not known and not own.intersection(args):
            args = ["idea", *args]
        elif known and args[0] != words[0] and args[0] not in own:
            args = [words[0], *(one for one in _without_first(args, words[0]))]
        return super().parse_args(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        rows = [
            (name, command.get_short_help_str(60))
            for name, command in self.commands.items()
            if not command.hidden
        ]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def _without_first(args: list[str], word: str) -> list[str]:
    place = args.index(word)
    return args[:place] + args[place + 1 :]


def checked(words: tuple[str, ...], commands: list[str]) -> str:
    """The idea in `words`. Raises Misuse for none, one bare word, or a near-miss of a command."""
    text = " ".join(words).strip()
    if not text:
        raise Misuse(
            "the idea is empty", 'say what to build: orchestrate "a to-do list for the shell"'
        )
    first = words[0].split()[0]
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
