"""Prompts and templates: files rendered with jinja, and untrusted text as delimited material."""

import hashlib
import re
from pathlib import Path

from jinja2 import FileSystemLoader, StrictUndefined, TemplateNotFound
from jinja2 import TemplateError as JinjaError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup, escape

from orchestrator.artifacts.script import shown
from orchestrator.errors import Missing

MARKUP = re.compile(r"([\\`*_\[\]<>|~#!])")
"""What Markdown could read as more than text."""
HEADING = re.compile(r"^([ \t]*)(#|=+[ \t]*$|-+[ \t]*$)", re.MULTILINE)


class Renderer:
    """Renders `*.j2` files from the first of `folders` that has them. HTML templates escape, others
    do not. Templates may be a stranger's, from a recording: they reach nothing but their values.
    """

    def __init__(self, *folders: Path) -> None:
        self._jinja = ImmutableSandboxedEnvironment(
            loader=FileSystemLoader([str(folder) for folder in folders]),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            autoescape=_is_html,
        )
        self._jinja.filters.update(md=inline, code=verbatim, prose=prose, page=page, count_of=count)
        self._jinja.filters["points"] = shown
        self._folders = folders

    def render(self, name: str, **values: object) -> str:
        """Raises Missing when the template is not there or is broken."""
        try:
            return self._jinja.get_template(name).render(**values)
        except TemplateNotFound as error:
            where = ", ".join(str(folder) for folder in self._folders)
            raise Missing(f"no template {error.name!r} in {where}", "reinstall the tool") from error
        except JinjaError as error:
            raise Missing(f"template {name!r} is broken: {error}", "restore the file") from error


def _is_html(name: str | None) -> bool:
    return bool(name and name.endswith(".html.j2"))


def material(name: str, content: str) -> str:
    """`content` as data: its delimiter carries its own hash, so that it cannot close itself."""
    mark = hashlib.sha256(f"{name}\0{content}".encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f'<material-{mark} name="{name}">\n{content}\n</material-{mark}>'


def visible(text: str) -> str:
    """`text` without control characters but for line ends: it must not drive a terminal."""
    return "".join(char if char.isprintable() or char == "\n" else " " for char in text)


def inline(text: str) -> str:
    """Untrusted text as one line of Markdown that is only text."""
    flat = " ".join(visible(text).split())
    return MARKUP.sub(r"\\\1", flat)


def verbatim(text: str) -> str:
    """Untrusted text between back-ticks."""
    return " ".join(visible(text).replace("`", "'").split())


def prose(text: str) -> str:
    """The Reporter's Markdown: paragraphs and lists stay, HTML, images, links and headings do not
    work.
    """
    flat = re.sub(r"([\\<\[\]!])", r"\\\1", visible(text))
    return HEADING.sub(r"\1\\\2", flat)


def page(text: str) -> Markup:
    """Untrusted text for a page: escaped, then back-ticks and `**` shown as code and bold."""
    safe = str(escape(visible(text)))
    coded = re.sub(r"`([^`\n]+)`", r"<code>\1</code>", safe)
    return Markup(re.sub(r"\*\*([^*\n]+)\*\*", r"<strong>\1</strong>", coded))


def count(number: int) -> str:
    return "not measured" if number < 0 else f"{number}"
