"""No exception in a callback stays invisible: Voilà and JupyterLab show none by themselves."""

from __future__ import annotations

import functools
import sys
import traceback
from collections.abc import Callable
from typing import Any, ParamSpec

from mlprov_widgets.errors import MlprovError
from mlprov_widgets.provenance.capture.scrub import scrub

_P = ParamSpec("_P")

Tell = Callable[[str, str], None]
"""Called with a kind (``error`` or ``fault``) and a text for the person."""


def guarded(tell: Tell, action: Callable[_P, Any]) -> Callable[_P, None]:
    """Return `action` such that whatever it raises is told.

    Parameters
    ----------
    tell
        Shows a message; an error of a person's input as it is, a fault of the program with its place.
    action
        A callback.
    """

    @functools.wraps(action)
    def safe(*args: _P.args, **kwargs: _P.kwargs) -> None:
        try:
            action(*args, **kwargs)
        except MlprovError as error:
            tell("error", str(error))
        except Exception as error:  # this is the one place that must catch everything
            last = traceback.extract_tb(error.__traceback__)[-1]
            place = f"{last.filename.rpartition('mlprov_widgets')[2].lstrip('/')}:{last.lineno}"
            if sys.__stderr__ is not None:  # the server's log; what a kernel calls standard error goes to the page
                print(scrub(traceback.format_exc()), file=sys.__stderr__, flush=True)
            tell("fault", f"This should not have happened: {type(error).__name__}: {scrub(str(error))} ({place})")

    return safe
