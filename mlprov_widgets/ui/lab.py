"""What JupyterLab adds: commands in its palette, the form in a tab of its own, files opened in tabs.

The only importer of ipylab. Nothing is known of a page before it says that it is there; in Notebook 7, VS Code and
Voilà it never says so, or has no launcher, and then the form is where its cell is and nothing else happens.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import ipywidgets as widgets
from ipylab import JupyterFrontEnd, Panel
from ipylab.commands import CommandPalette

from mlprov_widgets.errors import ExecutionError
from mlprov_widgets.ui.desk import Desk

CATEGORY = "Machine learning"
NEW, OPEN, COMPARE = "mlprov:new-experiment", "mlprov:open-provenance", "mlprov:compare-runs"
COMMANDS = {
    NEW: ("New ML experiment", "ML experiment"),
    OPEN: ("Open provenance…", "Provenance"),
    COMPARE: ("Compare runs", "Runs"),
}
"""Command to what the palette calls it, and what its tab is called."""

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
        self._palette = CommandPalette()
        self.app.on_ready(self._on_ready)

    def serve(self, desk: Desk, makers: Mapping[str, Make]) -> None:
        """Open with the commands what `makers` make, and files for the pages of `desk`.

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
        """Take note of a page; it may have been loaded anew, and may know commands of a kernel that is gone."""
        commands = self.app.commands
        # Its version is not told yet by then, but its commands are.
        if _LAB_ONLY not in commands.list_commands():
            return
        if not self.is_there:
            self.is_there = True
            commands.observe(lambda _: self._add_missing(), names="_command_list")
            for command in COMMANDS:
                self._palette.add_item(command, CATEGORY)
        if self._desk is not None:
            self._desk.open_file = self.open_file
            self._desk.changed()
        # Those of the kernel that speaks last hold. A command can be added when the page says that it knows none.
        for command in COMMANDS:
            commands.remove_command(command)
        self._add_missing()

    def _add_missing(self) -> None:
        for command, (label, _) in COMMANDS.items():
            if command not in self.app.commands.list_commands():
                self.app.commands.add_command(command, execute=functools.partial(self.open_tab, command), label=label)

    def open_tab(self, command: str, **_: Any) -> None:
        """Open in a tab beside the notebook what a command is for."""
        if self._desk is not None:
            self._desk.guard(self._open_tab)(command)

    def _open_tab(self, command: str) -> None:
        shown, script = self._makers[command]()
        # The view of a Layout takes Lumino's own geometry away, unless its values are ones that CSS does not know.
        place = widgets.Layout(top="lumino", left="lumino", width="lumino", height="lumino", overflow="auto")
        out = widgets.Output()
        panel = Panel(children=[shown, out], layout=place)
        panel.title.label = COMMANDS[command][1]
        panel.add_class("mlprov-tab")
        self.app.shell.add(panel, "main", {"mode": "split-right"})
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
    """Return the one of this kernel: a cell that runs again must not double the commands."""
    return Lab()
