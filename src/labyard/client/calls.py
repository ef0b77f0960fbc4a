"""How a method of the client is written once and serves both clients.

A resource's method returns a `Call`, the description of a request. A decorator turns it into a method that makes the request: on a resource of
`Client` it returns the answer, on one of `AsyncClient` something to await.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Concatenate, Generic, ParamSpec, Protocol, Self, TypeVar, overload
from urllib.parse import quote

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from labyard.exceptions import UsageError

__all__ = ["API_PATH", "AsyncTransport", "Call", "Pages", "Resource", "SyncTransport", "TransportT", "endpoint", "paged", "path"]

API_PATH = "services/labyard/api/v1/"

P = ParamSpec("P")
T = TypeVar("T")
PageT = TypeVar("PageT", bound=BaseModel)


def path(*segments: str) -> str:
    """Return the path of these segments.

    Raises
    ------
    UsageError
        If one is nothing that can be named in a path: proxies on the way would read another path.
    """
    for segment in segments:
        if segment in ("", ".", "..") or "/" in segment or not segment.isprintable():
            raise UsageError(f"{segment!r} cannot be the name of anything here")
    return "/".join(quote(segment, safe="") for segment in segments)


@dataclass(frozen=True)
class Call(Generic[T]):
    """One request.

    Attributes
    ----------
    method, path
        Relative to the API.
    answer
        Class of the answer; None where there is nothing in it.
    query
        Parameters; those that are None are left out.
    body
        Sent as JSON; fields that are not set are left out.
    signed
        Whether the token is sent.
    then
        Makes the next request from the answer; its own answer is the result.
    base
        What `path` is relative to, below the platform's address.
    headers
        Sent beside those that every request has.
    absent
        The answer where the part is away, or the platform runs without it. None: that is an error.
    """

    method: str
    path: str
    answer: type[T] | None
    query: Mapping[str, str | int | None] = field(default_factory=dict)
    body: BaseModel | None = None
    signed: bool = True
    then: Callable[[Any], Call[Any]] | None = None
    base: str = API_PATH
    headers: Mapping[str, str] = field(default_factory=dict)
    absent: T | None = None

    @property
    def safe(self) -> bool:
        """Whether it changes nothing, so that it may be sent again."""
        return self.method == "GET"


@dataclass(frozen=True)
class Pages(Generic[PageT, T]):
    """A list that comes in pages.

    Attributes
    ----------
    call
        Asks for the first page.
    items, next_cursor
        What is on a page, and how to ask for the next one; None at the end.
    """

    call: Call[PageT]
    items: Callable[[PageT], list[T]]
    next_cursor: Callable[[PageT], str | None]

    def following(self, page: PageT) -> Call[PageT] | None:
        """Return the request for the page after `page`; None at the end."""
        cursor = self.next_cursor(page)
        return replace(self.call, query={**self.call.query, "cursor": cursor}) if cursor is not None else None


class SyncTransport(Protocol):
    """Sends requests and waits for the answers."""

    def send(self, call: Call[T]) -> T:
        """Return the answer."""


class AsyncTransport(Protocol):
    """Sends requests while other things go on."""

    async def send(self, call: Call[T]) -> T:
        """Return the answer."""


TransportT = TypeVar("TransportT", bound=SyncTransport | AsyncTransport)


class Resource(Generic[TransportT]):
    """The methods of one noun.

    Parameters
    ----------
    transport
        Makes the requests.
    """

    def __init__(self, transport: TransportT) -> None:
        self._transport = transport


class _Method(Generic[P, T]):
    """What the two kinds of methods share: name, documentation and signature of the function that describes the request."""

    def __init__(self, describe: Callable[..., Any]) -> None:
        self._describe = describe
        functools.update_wrapper(self, describe)  # type: ignore[arg-type]  # it takes more than functions

    def _bound(self, instance: Any, function: Callable[..., Any]) -> Any:
        @functools.wraps(self._describe)
        def bound(*args: Any, **kwargs: Any) -> Any:
            try:
                request = self._describe(instance, *args, **kwargs)
            except ValidationError as error:
                # Before anything is sent. Without the values, as they may be secrets.
                raise UsageError("; ".join(_problem(problem) for problem in error.errors(include_input=False, include_url=False))) from None
            return function(request)

        signature = inspect.signature(self._describe)
        bound.__signature__ = signature.replace(parameters=list(signature.parameters.values())[1:])  # type: ignore[attr-defined]
        return bound


def _problem(problem: ErrorDetails) -> str:
    where = ".".join(str(part) for part in problem["loc"])
    return f"{where}: {problem['msg']}" if where else problem["msg"].removeprefix("Value error, ")


class endpoint(_Method[P, T]):  # noqa: N801  # it is used as a decorator
    """Makes the request that a method describes."""

    def __init__(self, describe: Callable[Concatenate[Any, P], Call[T]]) -> None:
        super().__init__(describe)

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...
    @overload
    def __get__(self, instance: Resource[SyncTransport], owner: type) -> Callable[P, T]: ...
    @overload
    def __get__(self, instance: Resource[AsyncTransport], owner: type) -> Callable[P, Awaitable[T]]: ...
    def __get__(self, instance: Any, owner: type) -> Any:
        """Return the method of `instance`."""
        return self if instance is None else self._bound(instance, instance._transport.send)  # noqa: SLF001  # it is ours


class paged(_Method[P, T]):  # noqa: N801  # it is used as a decorator
    """Asks for page after page of what a method describes, each when it is needed."""

    def __init__(self, describe: Callable[Concatenate[Any, P], Pages[Any, T]]) -> None:
        super().__init__(describe)

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...
    @overload
    def __get__(self, instance: Resource[SyncTransport], owner: type) -> Callable[P, Iterator[T]]: ...
    @overload
    def __get__(self, instance: Resource[AsyncTransport], owner: type) -> Callable[P, AsyncIterator[T]]: ...
    def __get__(self, instance: Any, owner: type) -> Any:
        """Return the method of `instance`."""
        if instance is None:
            return self
        send = instance._transport.send  # noqa: SLF001  # it is ours
        each = _each_awaited if inspect.iscoroutinefunction(send) else _each
        return self._bound(instance, functools.partial(each, send))


def _each(send: Callable[..., Any], pages: Pages[Any, T]) -> Iterator[T]:
    call: Call[Any] | None = pages.call
    while call is not None:
        page = send(call)
        yield from pages.items(page)
        call = pages.following(page)


async def _each_awaited(send: Callable[..., Any], pages: Pages[Any, T]) -> AsyncIterator[T]:
    call: Call[Any] | None = pages.call
    while call is not None:
        page = await send(call)
        for item in pages.items(page):
            yield item
        call = pages.following(page)
