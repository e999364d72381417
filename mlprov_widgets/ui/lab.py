"""What JupyterLab adds: the form in a tab of its own, asked for by a command of its palette, and files opened in tabs.

The only importer of ipylab. Nothing is known of a page before it says that it is there; in Notebook 7, VS Code and
Voilà it never says so, or has no launcher, and then the form is where its cell is and nothing else happens.

The commands are those of the labextension in ``jupyter/``: they are there without a kernel, and outlive each. It looks
among the open notebooks for a kernel that holds a comm of the name `LINE` and tells it what to open.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import comm
import ipywidgets as widgets
from ipylab import JupyterFrontEnd, Panel

from mlprov_widgets.errors import ExecutionError
from mlprov_widgets.ui.desk import Desk

LINE = "mlprov-widgets"
NEW, OPEN, COMPARE = "mlprov:new-experiment", "mlprov:open-provenance", "mlprov:compare-runs"
COMMANDS = {NEW: "ML experiment", OPEN: "Provenance", COMPARE: "Runs"}
"""Command of the labextension to what its tab is called."""

_LAB_ONLY = "launcher:create"

Make = Callable[[], tuple[widgets.Widget, str]]
"""Returns what a tab shows, and the script that its page has to run."""


class Lab:
    """JupyterLab, as seen from one kernel."""

    def __init__(self) -> None:
        self._makers: Mapping[str, Make] = {}
        self._desk: Desk | None = None
        self.is_there = False
        self.app = JupyterFrontEnd()
        self.app.on_ready(self._on_ready)
        # Not told to the page: it asks for it, also when it was loaded anew.
        self._line = comm.create_comm(target_name=LINE, primary=False)
        self._line.on_msg(self._on_asked)
        comm.get_comm_manager().register_comm(self._line)

    def serve(self, desk: Desk, makers: Mapping[str, Make]) -> None:
        """Open by the commands what `makers` make, and files for the pages of `desk`.

        Parameters
        ----------
        desk
            Where errors are told; its ``open_file`` is set if this is JupyterLab.
        makers
            What each of `COMMANDS` opens.
        """
        self._desk, self._makers = desk, makers
        if self.is_there:
            desk.open_file = self.open_file

    def _on_ready(self) -> None:
        """Take note of a page; it may have been loaded anew."""
        # Its version is not told yet by then, but its commands are.
        if _LAB_ONLY not in self.app.commands.list_commands():
            return
        self.is_there = True
        if self._desk is not None:
            self._desk.open_file = self.open_file
            self._desk.changed()

    def _on_asked(self, message: Mapping[str, Any]) -> None:
        asked = message["content"]["data"]
        command = asked.get("command")
        if isinstance(command, str) and command in self._makers and self._desk is not None:
            self._desk.guard(self._open_tab)(command, "tab-after" if asked.get("narrow") else "split-right")

    def _open_tab(self, command: str, mode: str) -> None:
        shown, script = self._makers[command]()
        # The view of a Layout takes Lumino's own geometry away, unless its values are ones that CSS does not know.
        place = widgets.Layout(top="lumino", left="lumino", width="lumino", height="lumino", overflow="auto")
        out = widgets.Output()
        panel = Panel(children=[shown, out], layout=place)
        panel.title.label = COMMANDS[command]
        panel.add_class("mlprov-tab")
        self.app.shell.add(panel, "main", {"mode": mode})
        out.outputs = ({"output_type": "display_data", "data": {"application/javascript": script}, "metadata": {}},)

    def open_file(self, path: Path) -> None:
        """Open a notebook in a tab.

        Raises
        ------
        ExecutionError
            If it does not lie where JupyterLab can see it.
        """
        root, path = self._root(), path.resolve()
        if not path.is_relative_to(root):
            raise ExecutionError("JupyterLab does not show this folder", field=path.name, fix=f"Start it above {path}")
        place = path.relative_to(root).as_posix()
        self.app.commands.execute(
            "docmanager:open", {"path": place, "factory": "Notebook", "options": {"mode": "tab-after"}}
        )

    def _root(self) -> Path:
        """Return the folder that JupyterLab shows: it names this kernel's notebook from there, the kernel in full."""
        session = Path(os.environ["JPY_SESSION_NAME"])
        named = [Path(str(known.get("path", ""))) for known in self.app.sessions.sessions]
        fitting = [path for path in named if path.parts and session.parts[-len(path.parts) :] == path.parts]
        longest = max(fitting, key=lambda path: len(path.parts), default=Path(session.name))
        return session.parents[len(longest.parts) - 1].resolve()


@functools.cache
def lab() -> Lab:
    """Return the one of this kernel: a cell that runs again must not double what the page asks."""
    return Lab()
