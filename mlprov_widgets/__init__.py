"""Choices become a notebook, a run becomes provenance, and provenance becomes the same notebook again.

The names below are loaded when they are first used; importing the package costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOMES = {
    "Wizard": "mlprov_widgets.ui.wizard",
    "list_tasks": "mlprov_widgets.verbs",
    "generate": "mlprov_widgets.verbs",
    "run": "mlprov_widgets.verbs",
    "show": "mlprov_widgets.verbs",
    "reproduce": "mlprov_widgets.verbs",
    "import_provenance": "mlprov_widgets.verbs",
    "verify": "mlprov_widgets.verbs",
    "recover": "mlprov_widgets.verbs",
    "export": "mlprov_widgets.verbs",
    "list_runs": "mlprov_widgets.verbs",
    "compare": "mlprov_widgets.verbs",
    "check_task": "mlprov_widgets.verbs",
    "record": "mlprov_widgets.provenance.capture.recorder",
    "show_provenance": "mlprov_widgets.ui.inline",
    "explore": "mlprov_widgets.ui.look",
}

__all__ = [  # noqa: RUF022 - in the order of the loop
    "Wizard",
    "list_tasks",
    "generate",
    "run",
    "show",
    "reproduce",
    "import_provenance",
    "verify",
    "recover",
    "export",
    "list_runs",
    "compare",
    "check_task",
    "record",
    "show_provenance",
    "explore",
]

if TYPE_CHECKING:
    from mlprov_widgets.provenance.capture.recorder import record
    from mlprov_widgets.ui.inline import show_provenance
    from mlprov_widgets.ui.look import explore
    from mlprov_widgets.ui.wizard import Wizard
    from mlprov_widgets.verbs import (
        check_task,
        compare,
        export,
        generate,
        import_provenance,
        list_runs,
        list_tasks,
        recover,
        reproduce,
        run,
        show,
        verify,
    )


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
