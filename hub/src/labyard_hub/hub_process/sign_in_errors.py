"""Why a person who came from the identity provider is not let in, in words for them."""

from __future__ import annotations

from typing import ClassVar

from labyard.exceptions import LabyardError

__all__ = [
    "LoginError",
    "NameRefusedError",
    "NameTakenError",
    "NotLetInError",
    "ProviderAwayError",
    "ProviderErrorError",
    "SignInCancelledError",
    "SignInExpiredError",
]


class LoginError(LabyardError):
    """A sign-in that did not succeed.

    Attributes
    ----------
    title
        In a few words.
    as_somebody_else
        Whether another account of the provider might do better.
    """

    code: ClassVar[str] = "login"
    status_code: ClassVar[int] = 400
    title: ClassVar[str] = "You are not signed in"
    as_somebody_else: ClassVar[bool] = False


class SignInCancelledError(LoginError):
    """They said no at the provider."""

    code = "login_cancelled"
    title = "The sign-in was cancelled"

    def __init__(self, provider: str) -> None:
        super().__init__(f"You, or {provider}, ended the sign-in before it was complete. Nothing was changed. Try again when you like.")


class SignInExpiredError(LoginError):
    """What came back is not what this browser went away with."""

    code = "login_expired"
    title = "This sign-in is not valid any more"

    def __init__(self) -> None:
        super().__init__(
            "It took too long, was opened twice, or did not begin in this browser at this address. Nobody was signed in. Start again from here."
        )


class ProviderErrorError(LoginError):
    """The provider answered with an error that is nobody's choice."""

    code = "login_provider_error"
    status_code = 502
    title = "The sign-in did not succeed"

    def __init__(self, provider: str, what: str) -> None:
        super().__init__(
            f"{provider} answered with an error: {what}. Try again; if it goes on, tell an administrator of Labyard, whose hub's log says more."
        )


class ProviderAwayError(LoginError):
    """The provider does not answer, or not as it should."""

    code = "login_provider_away"
    status_code = 503
    title = "Signing in is not possible at this moment"
    retry_after_seconds = 10

    def __init__(self) -> None:
        super().__init__(
            "The service that says who you are does not answer. People who are signed in can go on. Try again in a minute; "
            "if it goes on, tell an administrator of Labyard."
        )


class NotLetInError(LoginError):
    """The provider knows them, and the settings do not let them in."""

    code = "login_not_allowed"
    status_code = 403
    title = "You may not use Labyard yet"
    as_somebody_else = True

    def __init__(self, claim: str, provider: str) -> None:
        super().__init__(
            f"You are signed in at {provider} as {claim}, and that account is not among those that may use Labyard. "
            "Ask an administrator of Labyard which group you should be in, have yourself added there, and sign in again."
        )


class NameRefusedError(LoginError):
    """Nobody here can be called what the provider calls them."""

    code = "login_name_refused"
    status_code = 403
    title = "Your name cannot be used here"
    as_somebody_else = True

    def __init__(self, claim: str, provider: str, fault: str) -> None:
        super().__init__(
            f"{provider} calls you {claim!r}, and no user can be called so here: {fault}. Ask an administrator of Labyard to give you "
            "another name, by the setting login.user_names."
        )


class NameTakenError(LoginError):
    """Somebody else has the name already."""

    code = "login_name_taken"
    status_code = 403
    title = "Your name belongs to somebody else here"
    as_somebody_else = True

    def __init__(self, claim: str, provider: str, name: str) -> None:
        super().__init__(
            f"{provider} calls you {claim!r}, which makes the user name {name!r}, and that user is another person or was here before. "
            "Ask an administrator of Labyard to give you another name, by the setting login.user_names, or to remove that user if they are gone."
        )
