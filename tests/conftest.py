import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from mlprov_widgets import verbs

# Commands, kernels and servers are processes of their own, some hundreds in a session. In a container that keeps no
# compiled modules each of them would compile torch and all the rest anew, which is half of what they do.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
# A thread that waits for another lets go of the processor, which the other processes of the session need.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

TESTS = Path(__file__).parent
_PATIENCE = 60.0
MARKED_TIERS = {"kernel", "browser"}


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Let two processes share the whole suite: half of its time, a test waits for a kernel or a browser."""
    asked = config.option.numprocesses is not None or config.option.usepdb or config.option.capture == "no"
    whole = config.args_source is pytest.Config.ArgsSource.TESTPATHS and not hasattr(config, "workerinput")
    if whole and not asked:
        config.option.numprocesses = 2


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if tier_of(item) in MARKED_TIERS:
            item.add_marker(tier_of(item))
    # Their files take longest: at the end, short ones are left to be shared out between processes.
    items.sort(key=lambda item: tier_of(item) not in MARKED_TIERS)


def tier_of(item: pytest.Item) -> str:
    return item.path.relative_to(TESTS).parts[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadFileScheduling:
    """Keep the tests of a file together in one process: they share servers and runs. Files go in their order."""
    config.option.loadscopereorder = False
    return LoadFileScheduling(config, log)


@pytest.fixture(scope="session")
def tiny_task() -> Path:
    """The folder of somebody else's task, whose notebooks run in two seconds."""
    return TESTS / "data" / "tiny_task"


@pytest.fixture(scope="session")
def plain_environment() -> Iterator[None]:
    """Whoever runs the tests may have settings of their own, or sit in a notebook."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("MLPROV_RUNS", "MLPROV_RUN_DIR", "MLPROV_NOTEBOOK", "MLPROV_TASKS", "JPY_SESSION_NAME"):
            patch.delenv(name, raising=False)
        yield


@pytest.fixture(scope="session")
def run_new(
    tiny_task: Path, tmp_path_factory: pytest.TempPathFactory, plain_environment: None
) -> Callable[..., dict[str, Any]]:
    """Return a function that generates a notebook in a new folder and runs it; ``source`` is that notebook."""

    def new(task: str = "tiny", values: Mapping[str, object] | None = None) -> dict[str, Any]:
        folder = tmp_path_factory.mktemp(task)
        written = verbs.generate(task, values or {}, out=folder / "source" / f"{task}.ipynb", tasks=[tiny_task])
        done = verbs.run(written["notebook"], runs=folder / "runs", tasks=[tiny_task])
        return {**done, "source": written["notebook"]}

    return new


@pytest.fixture(scope="session")
def tiny_run(run_new: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    """A completed run of the tiny task; only to be read."""
    return run_new()


@pytest.fixture
def wait_for() -> Callable[[Callable[[], bool]], None]:
    """Return a function that waits until something is true, and fails when it does not become so."""

    def wait(holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _PATIENCE
        while not holds():
            assert time.monotonic() < deadline, "it did not happen"
            time.sleep(0.02)

    return wait
