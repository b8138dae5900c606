"""Turns a dataclass of options into the parameters of a command: one table for Python and command line."""

import dataclasses
import inspect
from collections.abc import Callable
from typing import Annotated, Any, TypeVar, get_args, get_origin

import typer

T = TypeVar("T")
Command = TypeVar("Command", bound=Callable[..., Any])


def options_from(kind: type[Any]) -> Callable[[Command], Command]:
    """Return a decorator that puts an option for each field of `kind` in place of a command's `**values`.

    A field's metadata has `help`, `flags` and `metavar`; see vsr.options. One without default is required.
    """

    def decorate(command: Command) -> Command:
        own = inspect.signature(command)
        kept = [p for p in own.parameters.values() if p.kind is not p.VAR_KEYWORD]
        added = [_parameter(field) for field in dataclasses.fields(kind)]
        command.__signature__ = own.replace(parameters=[*kept, *added])  # type: ignore[attr-defined]
        command.__annotations__ = {p.name: p.annotation for p in (*kept, *added)}
        return command

    return decorate


def build(kind: type[T], values: dict[str, Any]) -> T:
    """Return the dataclass for the values that the command line gave."""
    return kind(**{name: tuple(v) if isinstance(v, list) else v for name, v in values.items()})


def _parameter(field: dataclasses.Field[Any]) -> inspect.Parameter:
    repeated = get_origin(field.type) is tuple
    required = field.default is dataclasses.MISSING
    flags = field.metadata["flags"] or ("--" + field.name.replace("_", "-"),)
    option = typer.Option(
        *flags,
        help=field.metadata["help"],
        metavar=field.metadata["metavar"],
        show_default=not required and bool(field.default) and not repeated,
    )
    annotation = list[get_args(field.type)[0]] if repeated else field.type  # type: ignore[misc]
    return inspect.Parameter(
        field.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=inspect.Parameter.empty if required else [] if repeated else field.default,
        annotation=Annotated[annotation, option],
    )
