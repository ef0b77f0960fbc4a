"""Registered models of a visitor's projects: for the panel to offer, and to refuse a misspelt one."""

from __future__ import annotations

import json
from urllib.parse import urlencode

from pydantic import ValidationError
from yarl import URL

from labyard.models.project import Project
from labyard.registered_models import PAGE_SIZE, SEARCH_PATH, WORKSPACE_HEADER, RegisteredModels, check_registered, is_absent
from labyard_lab.exceptions import PlatformAnswerError, PlatformUnavailableError
from labyard_lab.platform_service import PlatformAnswer, PlatformService

__all__ = ["ModelNames"]


class ModelNames:
    """Asks MLflow.

    Parameters
    ----------
    service
        Knows the projects.
    mlflow_url
        Where MLflow is; empty where it is not.
    """

    def __init__(self, service: PlatformService, mlflow_url: str) -> None:
        self._service, self._url = service, mlflow_url.rstrip("/")

    async def answer(self, project: str, token: str) -> PlatformAnswer:
        """Return the names as an answer to the front end, or the service's refusal.

        Parameters
        ----------
        project
            As it stands in the URL.
        token
            The visitor's own.
        """
        found = await self._service.ask("GET", f"projects/{project}", "", token, b"")
        if found.status != 200:
            return found
        names = await self._names(_project(found), token)
        return PlatformAnswer(200, json.dumps({"models": names or []}).encode(), None)

    async def check(self, project: str, body: bytes, token: str) -> None:
        """Refuse to share a model that the project does not have. Whatever else is wrong is for the service to say.

        Raises
        ------
        labyard.exceptions.ModelNotFoundError
            If MLflow knows no such model in the project.
        """
        try:
            model = json.loads(body)["model"]
        except (ValueError, KeyError, TypeError):
            return
        found = await self._service.ask("GET", f"projects/{project}", "", token, b"")
        if found.status != 200 or not isinstance(model, str):
            return
        known = _project(found)
        names = await self._names(known, token)
        if names is not None:
            check_registered(known.name, model, names)

    async def _names(self, project: Project, token: str) -> list[str] | None:
        """Return the names; None where no MLflow answers."""
        names: list[str] = []
        page_token = ""
        while self._url:
            query = urlencode({"max_results": PAGE_SIZE, **({"page_token": page_token} if page_token else {})})
            target = URL(f"{self._url}/{SEARCH_PATH}?{query}", encoded=True)
            try:
                answer = await self._service.fetch("GET", target, token, headers={WORKSPACE_HEADER: project.workspace})
            except PlatformUnavailableError:
                return None
            except PlatformAnswerError as error:
                if is_absent(error.status):
                    return None
                raise
            if is_absent(answer.status):
                return None
            if answer.status != 200:
                raise PlatformAnswerError(answer.status)
            try:
                page = RegisteredModels.model_validate_json(answer.body)
            except ValidationError as error:
                raise PlatformAnswerError(answer.status) from error
            names += page.names
            page_token = page.next_page_token
            if not page_token:
                return names
        return None


def _project(answer: PlatformAnswer) -> Project:
    try:
        return Project.model_validate_json(answer.body, extra="ignore")
    except ValidationError as error:
        raise PlatformAnswerError(answer.status) from error
