from pathlib import Path

import pytest

TESTS = Path(__file__).parent
MARKED_TIERS = {"kernel", "browser"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        tier = item.path.relative_to(TESTS).parts[0]
        if tier in MARKED_TIERS:
            item.add_marker(tier)
