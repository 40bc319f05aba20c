"""That nothing which was made is lost: the whole object store against what refs lead to."""

from tests.world import Played


def commits(played: Played) -> set[str]:
    """Every commit in the object store, whether anything leads to it or not."""
    listed = played.git("cat-file", "--batch-all-objects", "--batch-check").splitlines()
    return {line.split()[0] for line in listed if line.split()[1] == "commit"}


def all_is_kept(played: Played, *overtaken: str) -> None:
    """Every commit that was ever made is reachable from a branch or a tag, less merges that were
    `overtaken` (their subjects) because main moved just then; what was accepted, from main.
    """
    reachable = set(played.git("rev-list", "--all").splitlines())
    lost = sorted(commits(played) - reachable)
    assert [played.git("log", "-1", "--format=%s", one) for one in lost] == list(overtaken)
    branches = played.git("for-each-ref", "--format=%(refname:short)", "refs/heads").splitlines()
    outcomes = played.done.facts.milestones
    failed = [one for one in outcomes if one.status == "failed_after_retries"]
    assert branches == ["main", *sorted(f"milestone/{one.id}" for one in failed)]
    for one in outcomes:
        branch = "main" if one.status == "complete" else f"milestone/{one.id}"
        if one.commit:
            assert one.commit in played.git("rev-list", branch).splitlines()
    assert played.git("fsck", "--strict", "--no-dangling") == ""
