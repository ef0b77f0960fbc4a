"""The two clients."""

from __future__ import annotations

from types import TracebackType
from typing import Generic, Self
from urllib.parse import urljoin

from labyard.client.calls import AsyncTransport, SyncTransport, TransportT
from labyard.client.me import Me
from labyard.client.projects import Projects
from labyard.client.transport import DEFAULT_TIMEOUT_SECONDS, AsyncHttp, SyncHttp
from labyard.settings import find_connection

__all__ = ["AsyncClient", "Client"]


class _Nouns(Generic[TransportT]):
    """What both clients offer."""

    def __init__(self, transport: TransportT, url: str) -> None:
        self._url = url
        self.me: Me[TransportT] = Me(transport)
        self.projects: Projects[TransportT] = Projects(transport)

    @property
    def url(self) -> str:
        """The platform's address."""
        return self._url

    def address(self, path: str) -> str:
        """Return the whole address of a URL path that the platform gave, such as `Link.url`."""
        return urljoin(self._url, path)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._url!r})"


class Client(_Nouns[SyncTransport]):
    """A platform, asked one thing after the other.

    Safe to use from several threads. Close it, or use it as a context manager. Reading requests are sent again when the platform asks for that
    (503 with ``Retry-After``); nothing that changes something is sent twice.

    Parameters
    ----------
    url
        The platform's address, such as ``https://labyard.example.org/``; None: that of ``LABYARD_URL``, else of the stored login.
    token
        None: that of ``LABYARD_TOKEN``, else of the login that `labyard login` stored for the address.
    timeout
        Seconds to wait for a connection, and for each part of an answer.

    Raises
    ------
    labyard.exceptions.NotSignedInError
        If no address or no token is known.
    labyard.exceptions.UsageError
        If the address or the token cannot be one.
    labyard.exceptions.SettingsError
        If the stored logins cannot be read.

    Every method may raise `labyard.exceptions.ConnectionFailedError`, `labyard.exceptions.UnexpectedAnswerError`, and
    `labyard.exceptions.ApiError`, whose subclasses tell what was refused.

    Examples
    --------
    >>> from labyard import Client
    >>>
    >>> with Client() as client:  # doctest: +SKIP
    ...     for project in client.projects.list():
    ...         print(project.name, project.role)
    """

    def __init__(self, url: str | None = None, token: str | None = None, *, timeout: float = DEFAULT_TIMEOUT_SECONDS) -> None:
        connection = find_connection(url, token)
        self._http = SyncHttp.of(connection, timeout)
        super().__init__(self._http, connection.url)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.close()


class AsyncClient(_Nouns[AsyncTransport]):
    """A platform, asked while other things go on: parameters and methods are those of `Client`, to be awaited, and lists are asynchronous iterators.

    Examples
    --------
    >>> from labyard import AsyncClient
    >>>
    >>>
    >>> async def names():
    ...     async with AsyncClient() as client:
    ...         return [project.name async for project in client.projects.list()]
    """

    def __init__(self, url: str | None = None, token: str | None = None, *, timeout: float = DEFAULT_TIMEOUT_SECONDS) -> None:
        connection = find_connection(url, token)
        self._http = AsyncHttp.of(connection, timeout)
        super().__init__(self._http, connection.url)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        await self.close()
