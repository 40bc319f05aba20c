"""What every sandbox limits: output and memory."""

from collections.abc import Callable

from orchestrator.sandbox import ExecResult, Sandbox

Run = Callable[..., ExecResult]


def test_a_flood_is_stopped_and_its_beginning_kept(sandbox: Sandbox, run: Run) -> None:
    result = run(sandbox, "while True: print('y' * 1000)", output_kib=16)

    assert (result.outcome, result.killed_by) == ("too much output", "output")
    assert len(result.stdout) == 16 * 1024
    assert result.truncated


def test_long_output_is_cut_but_not_stopped(sandbox: Sandbox, run: Run) -> None:
    result = run(sandbox, "print('y' * 20000, end='')", output_kib=16)

    assert (result.outcome, result.returncode, result.truncated) == ("exited", 0, True)
    assert result.stdout == "y" * 16 * 1024


def test_memory_that_children_hold_together_is_limited(sandbox: Sandbox, run: Run) -> None:
    code = (
        "import os, time\n"
        "for _ in range(8):\n"
        "    if not os.fork(): held = bytearray(os.urandom(1 << 20) * 60); time.sleep(60)\n"
        "time.sleep(60)"
    )

    result = run(sandbox, code, memory_mib=200)

    assert (result.outcome, result.killed_by) == ("killed", "memory")


def test_one_process_gets_no_more_memory_than_it_may(sandbox: Sandbox, run: Run) -> None:
    result = run(sandbox, "bytearray(600 << 20)", memory_mib=512)

    assert "MemoryError" in result.stderr


def test_memory_that_children_share_counts_once(sandbox: Sandbox, run: Run) -> None:
    code = (
        "import os, time\n"
        "held = os.urandom(60 << 20)\n"
        "children = [os.fork() for _ in range(1)]\n"
        "for _ in range(3): os.fork()\n"
        "time.sleep(0.5); print('done')"
    )

    result = run(sandbox, code, memory_mib=200)

    assert result.outcome == "exited", result
    assert "done" in result.stdout
