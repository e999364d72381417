"""Fail if a tier of tests stayed silent: it has test files, and none of its tests was executed.

Usage: ``python .ci/tiers.py JUNIT``, with the report of the run of the whole suite.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

TIERS = ("unit", "contract", "property", "golden", "kernel", "browser")
TESTS = Path(__file__).resolve().parents[1] / "tests"


def test_files(tests: Path) -> Counter[str]:
    """Count the test files of each folder of `tests`; those in none count as ``.``."""
    files = (path.relative_to(tests) for path in tests.rglob("test_*.py"))
    return Counter(file.parts[0] if len(file.parts) > 1 else "." for file in files)


def outcomes(junit: Path) -> dict[str, Counter[str]]:
    """Count each tier's tests by outcome: executed or skipped."""
    counts: dict[str, Counter[str]] = {}
    for case in ElementTree.parse(junit).iter("testcase"):
        # pytest writes a test's file as tests.unit.test_files, followed by its class if it has one.
        tier = f"{case.get('classname')}.".removeprefix("tests.").partition(".")[0]
        outcome = "executed" if case.find("skipped") is None else "skipped"
        counts.setdefault(tier, Counter())[outcome] += 1
    return counts


def main(junit: Path) -> int:
    """Print a line for each tier; return 1 if one stayed silent."""
    if not junit.is_file():
        print(f"no report of the tests: {junit}")
        return 1
    files, counts = test_files(TESTS), outcomes(junit)
    problems = [f"tests/{folder}: has test files and is no tier" for folder in sorted(files.keys() - set(TIERS))]
    for tier in TIERS:
        count = counts.get(tier, Counter())
        print(f"{tier:10} {files[tier]:4} files {count['executed']:5} executed {count['skipped']:5} skipped")
        if files[tier] and not count["executed"]:
            problems.append(f"tests/{tier}: has {files[tier]} test files, and no test of them was executed")
    if not files:
        problems.append("tests: no test files")
    print(*problems, sep="\n", end="\n" if problems else "")
    return 1 if problems else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(Path(sys.argv[1])))
