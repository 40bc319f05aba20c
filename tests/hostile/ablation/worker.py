"""Measures one case in a process of its own: `worker BASE ENVIRONMENT CACHE MODULE NAME`."""

import importlib
import json
import sys
from pathlib import Path

from tests.hostile.ablation.row import Place


def main() -> None:
    base, environment, cache, module, name = sys.argv[1:]
    cases = importlib.import_module(module).CASES
    case = next(one for one in cases if one.name == name)
    assert case.measure is not None
    found = case.measure(Place(Path(base), Path(environment), Path(cache)))
    print(json.dumps(list(found)))


if __name__ == "__main__":
    main()
