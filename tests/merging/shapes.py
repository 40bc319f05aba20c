"""The shapes of a conflict: what stood, what main and a milestone made of it side by side, what the
milestone is told, and what it answers.
"""

from dataclasses import dataclass

from tests.world import edit, file

OWN = "milestone-3-whisper"
TEXT = "\n".join(f"line {number}" for number in range(12))


def delete(path: str) -> str:
    return f"=== DELETE {path} ===\n"


def with_line(number: int, text: str) -> str:
    return TEXT.replace(f"line {number}\n", f"{text}\n")


@dataclass(frozen=True)
class Shape:
    """`base`, `main`, `own` and `answer` are blocks. `told` are the lines that name what markers
    cannot show, `marked` a conflict as the code shows it; both empty when git merges it. `after`
    is what main must hold at last, None for no such file.
    """

    name: str
    main: str
    own: str
    after: dict[str, str | None]
    base: str = ""
    told: tuple[str, ...] = ()
    marked: str = ""
    answer: str = ""
    conflicts: tuple[str, ...] = ()

    @property
    def clean(self) -> bool:
        return not self.conflicts


def between(main: str, own: str) -> str:
    return f"<<<<<<< main\n{main}\n=======\n{own}\n>>>>>>> {OWN}\n"


def _both(name: str, base: str, main: str, own: str, marked: str, united: str) -> Shape:
    """Both write one file."""
    path = f"data/{name}.txt"
    return Shape(
        name,
        base=file(path, base) if base else "",
        main=file(path, main),
        own=file(path, own),
        marked=marked,
        answer=file(path, united),
        conflicts=(path,),
        after={path: united},
    )


SHAPES = (
    _both(
        "same_line",
        TEXT,
        with_line(5, "main's"),
        with_line(5, "whispered"),
        between("main's", "whispered"),
        with_line(5, "both"),
    ),
    _both(
        "adjacent_lines",
        TEXT,
        with_line(5, "main's"),
        with_line(6, "whispered"),
        between("main's\nline 6", "line 5\nwhispered"),
        with_line(5, "main's").replace("line 6", "whispered"),
    ),
    _both(
        "both_append",
        TEXT,
        f"{TEXT}\nshout",
        f"{TEXT}\nwhisper",
        between("shout", "whisper"),
        f"{TEXT}\nshout\nwhisper",
    ),
    _both("both_add", "", "shout", "whisper", between("shout", "whisper"), "shout\nwhisper"),
    Shape(
        "lines_apart",
        base=file("data/apart.txt", TEXT),
        main=edit("data/apart.txt", "line 1", "main's"),
        own=edit("data/apart.txt", "line 10", "whispered"),
        after={
            "data/apart.txt": with_line(1, "main's").replace("line 10\n", "whispered\n"),
        },
    ),
    Shape(
        "rename_and_edit",
        base=file("data/rne/old.txt", TEXT),
        main=delete("data/rne/old.txt") + file("data/rne/new.txt", TEXT),
        own=edit("data/rne/old.txt", "line 5", "whispered"),
        after={"data/rne/old.txt": None, "data/rne/new.txt": with_line(5, "whispered")},
    ),
    Shape(
        "edit_and_rename",
        base=file("data/enr/old.txt", TEXT),
        main=edit("data/enr/old.txt", "line 5", "main's"),
        own=delete("data/enr/old.txt") + file("data/enr/new.txt", TEXT),
        after={"data/enr/old.txt": None, "data/enr/new.txt": with_line(5, "main's")},
    ),
    Shape(
        "two_names",
        base=file("data/two/old.txt", TEXT + "\ntwo"),
        main=delete("data/two/old.txt") + file("data/two/loud.txt", TEXT + "\ntwo"),
        own=delete("data/two/old.txt") + file("data/two/soft.txt", TEXT + "\ntwo"),
        told=(
            "data/two/old.txt: renamed to data/two/loud.txt in main and to data/two/soft.txt in "
            f"{OWN}; the code has both: keep one.",
        ),
        conflicts=("data/two/loud.txt", "data/two/old.txt", "data/two/soft.txt"),
        answer=delete("data/two/soft.txt"),
        after={
            "data/two/old.txt": None,
            "data/two/soft.txt": None,
            "data/two/loud.txt": TEXT + "\ntwo",
        },
    ),
    Shape(
        "two_names_and_edits",
        base=file("data/tne/old.txt", TEXT + "\ntne"),
        main=delete("data/tne/old.txt") + file("data/tne/a.txt", with_line(5, "A") + "\ntne"),
        own=delete("data/tne/old.txt") + file("data/tne/b.txt", with_line(5, "B") + "\ntne"),
        told=(
            "data/tne/old.txt: renamed to data/tne/a.txt in main and to data/tne/b.txt in "
            f"{OWN}; the code has both: keep one.",
        ),
        marked=f"<<<<<<<< main:data/tne/a.txt\nA\n========\nB\n>>>>>>>> {OWN}:data/tne/b.txt\n",
        conflicts=("data/tne/a.txt", "data/tne/b.txt", "data/tne/old.txt"),
        answer=delete("data/tne/b.txt") + file("data/tne/a.txt", with_line(5, "A, B")),
        after={"data/tne/b.txt": None, "data/tne/a.txt": with_line(5, "A, B")},
    ),
    Shape(
        "delete_and_modify",
        base=file("data/dam.txt", TEXT + "\ndam"),
        main=delete("data/dam.txt"),
        own=edit("data/dam.txt", "line 5", "whispered"),
        told=(
            f"data/dam.txt: changed in {OWN}, deleted in main; the code has it as data/dam.txt.",
        ),
        conflicts=("data/dam.txt",),
        answer=delete("data/dam.txt"),
        after={"data/dam.txt": None},
    ),
    Shape(
        "modify_and_delete",
        base=file("data/mad.txt", TEXT + "\nmad"),
        main=edit("data/mad.txt", "line 5", "main's"),
        own=delete("data/mad.txt"),
        told=(
            f"data/mad.txt: changed in main, deleted in {OWN}; the code has it as data/mad.txt.",
        ),
        conflicts=("data/mad.txt",),
        answer=edit("data/mad.txt", "main's", "main's, kept"),
        after={"data/mad.txt": with_line(5, "main's, kept") + "\nmad"},
    ),
    Shape(
        "rename_and_delete",
        base=file("data/rad/old.txt", TEXT + "\nrad"),
        main=delete("data/rad/old.txt") + file("data/rad/new.txt", TEXT + "\nrad"),
        own=delete("data/rad/old.txt"),
        told=(
            f"data/rad/old.txt: renamed to data/rad/new.txt in main, deleted in {OWN}; the code "
            "has data/rad/new.txt.",
        ),
        conflicts=("data/rad/new.txt",),
        answer=edit("data/rad/new.txt", "rad", "kept"),
        after={"data/rad/old.txt": None, "data/rad/new.txt": TEXT + "\nkept"},
    ),
    Shape(
        "delete_and_rename",
        base=file("data/dar/old.txt", TEXT + "\ndar"),
        main=delete("data/dar/old.txt"),
        own=delete("data/dar/old.txt") + file("data/dar/new.txt", TEXT + "\ndar"),
        told=(
            f"data/dar/old.txt: renamed to data/dar/new.txt in {OWN}, deleted in main; the code "
            "has data/dar/new.txt.",
        ),
        conflicts=("data/dar/new.txt",),
        answer=delete("data/dar/new.txt"),
        after={"data/dar/old.txt": None, "data/dar/new.txt": None},
    ),
    Shape(
        "file_and_folder",
        main=file("data/faf", "a file"),
        own=file("data/faf/in.txt", "in a folder"),
        told=(
            f"data/faf: a file in main, a folder in {OWN}; the code has the file as data/faf~main.",
        ),
        conflicts=("data/faf~main",),
        answer=delete("data/faf~main") + file("data/faf.txt", "a file"),
        after={"data/faf~main": None, "data/faf.txt": "a file", "data/faf/in.txt": "in a folder"},
    ),
    Shape(
        "folder_and_file",
        main=file("data/aff/in.txt", "in a folder"),
        own=file("data/aff", "a file"),
        told=(
            f"data/aff: a file in {OWN}, a folder in main; the code has the file as "
            f"data/aff~{OWN}.",
        ),
        conflicts=(f"data/aff~{OWN}",),
        answer=delete(f"data/aff~{OWN}") + file("data/aff.txt", "a file"),
        after={
            f"data/aff~{OWN}": None,
            "data/aff.txt": "a file",
            "data/aff/in.txt": "in a folder",
        },
    ),
    Shape(
        "folder_renamed",
        base=file("data/attic/one.txt", TEXT + "\none") + file("data/attic/two.txt", "twice"),
        main=delete("data/attic/one.txt")
        + delete("data/attic/two.txt")
        + file("data/cellar/one.txt", TEXT + "\none")
        + file("data/cellar/two.txt", "twice"),
        own=file("data/attic/new.txt", "new"),
        told=(
            f"data/attic/new.txt: added in {OWN} to a folder that main renamed; the code has it as "
            "data/cellar/new.txt.",
        ),
        conflicts=("data/cellar/new.txt",),
        answer=edit("data/cellar/new.txt", "new", "new here"),
        after={"data/attic/new.txt": None, "data/cellar/new.txt": "new here"},
    ),
    Shape(
        "case_renamed",
        base=file("data/case/names.txt", TEXT + "\ncase"),
        main=delete("data/case/names.txt") + file("data/case/Names.txt", TEXT + "\ncase"),
        own=edit("data/case/names.txt", "line 5", "whispered"),
        after={
            "data/case/names.txt": None,
            "data/case/Names.txt": with_line(5, "whispered") + "\ncase",
        },
    ),
    Shape(
        "two_cases",
        base=file("data/cases/words.txt", TEXT + "\ncases"),
        main=delete("data/cases/words.txt") + file("data/cases/Words.txt", TEXT + "\ncases"),
        own=delete("data/cases/words.txt") + file("data/cases/WORDS.txt", TEXT + "\ncases"),
        told=(
            "data/cases/words.txt: renamed to data/cases/Words.txt in main and to "
            f"data/cases/WORDS.txt in {OWN}; the code has both: keep one.",
        ),
        conflicts=("data/cases/WORDS.txt", "data/cases/Words.txt", "data/cases/words.txt"),
        answer=delete("data/cases/WORDS.txt"),
        after={"data/cases/WORDS.txt": None, "data/cases/Words.txt": TEXT + "\ncases"},
    ),
)
