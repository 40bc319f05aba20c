"""The benchmark of many milestones still runs; what it measures is no test's business."""

from tests.benchmarks.scale import told


def test_three_milestones_at_once_are_measured() -> None:
    said = told(3, 0.05, 0.001)
    assert said.startswith("3 milestones at once, 5 answers of 0.05 s each")
    assert "files open" in said
