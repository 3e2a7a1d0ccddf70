"""How a function that makes a call becomes a method of a client, with its types and its text.

Each client says how it sends. What a method takes and gives stands with the call alone.
"""

import inspect
from collections.abc import Callable
from functools import update_wrapper
from typing import Any, TypeVar, get_args

F = TypeVar("F", bound=Callable[..., Any])


def dressed(
    method: F, call: Callable[..., Any], *, skip: int = 0, over: Any = None, gives: Any = None
) -> F:
    """The method as ``help`` shows it: the arguments of the call, but for the ``skip`` first, and
    what the call's answer is read as: ``over`` is the kind of iterator over that, ``gives`` what is
    given instead of it."""
    update_wrapper(method, call)
    signature = inspect.signature(call)
    me = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)
    parameters = [*signature.parameters.values()][skip:]
    # The last of a generator of calls, the only one of a call.
    result = gives or get_args(signature.return_annotation)[-1]
    if over is not None:
        result = over[get_args(result)[0]]
    method.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [me, *parameters], return_annotation=result
    )
    return method
