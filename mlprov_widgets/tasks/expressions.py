"""The conditions and rules of a task, evaluated in Jinja's sandbox."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mlprov_widgets.errors import TaskError, quoted

if TYPE_CHECKING:
    from jinja2.environment import TemplateExpression


@functools.lru_cache(maxsize=1024)
def _compiled(expression: str) -> TemplateExpression:
    # Imported here because the recorder loads tasks in the user's kernel and evaluates none of these.
    from jinja2 import StrictUndefined, TemplateSyntaxError
    from jinja2.sandbox import SandboxedEnvironment

    environment = SandboxedEnvironment(undefined=StrictUndefined)
    try:
        return environment.compile_expression(expression, undefined_to_none=False)
    except TemplateSyntaxError as error:
        raise TaskError(
            f"this expression cannot be read: {error.message}", field=quoted(expression), fix="Correct task.toml"
        ) from error


def holds(expression: str, context: Mapping[str, Any]) -> bool:
    """Return whether an expression is true; an empty one is.

    Raises
    ------
    TaskError
        If the expression cannot be read, or fails on these values.
    """
    return bool(evaluate(expression, context)) if expression else True


def evaluate(expression: str, context: Mapping[str, Any]) -> Any:
    """Return the value of an expression.

    Raises
    ------
    TaskError
        See `holds`.
    """
    from jinja2 import TemplateError

    compiled = _compiled(expression)
    try:
        return compiled(**context)
    except (TemplateError, ArithmeticError, TypeError, ValueError) as error:
        raise TaskError(f"this expression fails: {error}", field=quoted(expression), fix="Correct task.toml") from error


def names_in(expression: str) -> set[str]:
    """Return the parameters that an expression speaks of."""
    from jinja2 import Environment, meta

    _compiled(expression)  # raises the error that names the expression
    return meta.find_undeclared_variables(Environment(autoescape=False).parse("{{ " + expression + " }}"))
