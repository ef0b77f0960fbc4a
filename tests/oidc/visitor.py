"""A person's browser without a browser, and a `labyard up` whose people come from the provider."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.oidc.provider import PASSWORD, Provider
from tests.platform import Browserless, RunningPlatform, start_platform

__all__ = ["Visitor", "start_with_login"]


class Visitor(Browserless):
    """Somebody who signs in at the provider."""

    def start(self, path: str = "hub/oauth_login") -> httpx.Response:
        """Go to the provider; the answer is its form, or where it leads at once."""
        return self.http.get(path)

    def answer(self, form: httpx.Response, login: str, *, password: str = PASSWORD, do: str = "sign-in") -> httpx.Response:
        """Fill in the provider's form, and go where it leads."""
        assert "Sign in at the provider" in form.text, (form.url, form.text)
        answer = self.http.post(str(form.url), data={"name": login, "password": password, "do": do})
        if "/session/end/confirm" in answer.text:  # it ends the session of whoever was there before, by a form that sends itself
            answer = self.confirm_end(answer)
        return answer

    def confirm_end(self, question: httpx.Response) -> httpx.Response:
        """Send the provider's form that ends a session."""
        action = re.search(r'action="([^"]+/session/end/confirm)"', question.text)
        token = re.search(r'name="xsrf" value="([^"]+)"', question.text)
        assert action is not None, question.text
        assert token is not None, question.text
        return self.http.post(action[1], data={"xsrf": token[1], "logout": "yes"})

    def enter(self, login: str, path: str = "hub/oauth_login") -> httpx.Response:
        return self.answer(self.start(path), login)

    def state_of(self) -> int:
        """Return the status of a page that is for people who are signed in: 200, or 302 to the sign-in page."""
        return self.http.get("hub/home", follow_redirects=False).status_code

    def me(self) -> dict[str, Any]:
        """Return what the hub says of this person."""
        answer = self.http.get("hub/api/user", headers={"Referer": f"{self.url}hub/home"})
        assert answer.status_code == 200, answer.text
        return dict(answer.json())


@contextmanager
def start_with_login(root: Path, port: int, provider: Provider, settings: dict[str, Any], **sections: Any) -> Iterator[RunningPlatform]:
    """Start a `labyard up` at `port` whose section `login` is the provider's with `settings`; `sections` are the configuration's others."""
    root.mkdir(exist_ok=True)
    login = provider.settings(**settings)
    secret = root / "client-secret"
    secret.write_text(login.pop("client_secret") + "\n")
    secret.chmod(0o600)
    file = root / "with-login.yaml"
    file.write_text(json.dumps({"login": {**login, "client_secret_file": str(secret)}, "tools": {"enabled": []}, **sections}))
    with start_platform(root, "--config", str(file), "--port", str(port)) as running:
        yield running
