"""The clients against the real application, over HTTP."""

from __future__ import annotations

import inspect
import subprocess
import sys
from collections.abc import Iterator

import pytest

import labyard
from labyard import AsyncClient, Client
from labyard.client.projects import Projects
from labyard.exceptions import (
    ApiError,
    ConnectionFailedError,
    InvalidProjectNameError,
    InvalidRequestError,
    LastOwnerError,
    LinkNotFoundError,
    MemberExistsError,
    MemberNotFoundError,
    NotAllowedError,
    ProjectArchivedError,
    ProjectExistsError,
    ProjectNotFoundError,
    UnauthenticatedError,
    UsageError,
    UserNotFoundError,
)
from labyard.models.project import ProjectState
from labyard.models.sharing import ProjectServerState
from labyard.permissions import Role


@pytest.fixture
def ada(url: str) -> Iterator[Client]:
    with Client(url, "ada") as client:
        yield client
        for project in list(client.projects.list(state="all")):
            if project.role is Role.OWNER:
                client.projects.delete(project.name, confirm=project.name)


@pytest.fixture
def bob(url: str) -> Iterator[Client]:
    with Client(url, "bob") as client:
        yield client


def test_a_project_from_its_making_to_its_end(ada: Client, bob: Client) -> None:
    made = ada.projects.create("vision", display_name="Computer vision", description="Cats.")
    assert (made.name, made.display_name, made.role) == ("vision", "Computer vision", Role.OWNER)
    assert ada.projects.get("vision") == made
    assert ada.projects.update("vision", description="Dogs.").display_name == "Computer vision"
    assert ada.projects.members.add("vision", "bob", "viewer").role is Role.VIEWER
    assert ada.projects.members.set_role("vision", "bob", Role.EDITOR).role is Role.EDITOR
    assert [(member.user, member.role) for member in bob.projects.members.list("vision")] == [("ada", "owner"), ("bob", "editor")]
    assert ada.projects.members.candidates("vision", "ca").users == ["carol"]
    assert ada.projects.transfer("vision", "bob").role is Role.EDITOR
    assert bob.projects.archive("vision").state is ProjectState.ARCHIVED
    assert [project.name for project in bob.projects.list(state="archived")] == ["vision"]
    with pytest.raises(ProjectArchivedError):
        bob.projects.update("vision", description="Birds.")
    bob.projects.restore("vision")
    ada.projects.leave("vision")
    with pytest.raises(ProjectNotFoundError):
        ada.projects.get("vision")
    bob.projects.delete("vision", confirm="vision")
    assert list(bob.projects.list(state="all")) == []


def test_links_events_server_tools_and_models(ada: Client, bob: Client, url: str) -> None:
    ada.projects.create("speech")
    link = ada.projects.links.create("speech", role="editor", expires_in_seconds=3600, max_uses=1)
    assert [found.id for found in ada.projects.links.list("speech")] == [link.id]
    address = ada.address(link.url)
    assert address.startswith(f"{url}services/labyard/join/")
    assert bob.projects.preview(address).name == "speech"
    assert bob.projects.join(address).role is Role.EDITOR
    ada.projects.links.revoke("speech", link.id)
    assert bob.projects.server.start("speech").state is ProjectServerState.RUNNING
    assert ada.projects.server.status("speech").state is ProjectServerState.RUNNING
    ada.projects.server.stop("speech")
    tool = bob.projects.tools.share("speech", "tensorboard-1", title="Losses")
    assert [found.title for found in ada.projects.tools.list("speech")] == ["Losses"]
    bob.projects.tools.unshare("speech", tool.id)
    model = ada.projects.models.share("speech", "whisper", with_user="carol")
    with Client(url, "carol") as carol:
        assert [found.model for found in carol.me.shared_models()] == ["whisper"]
    assert [found.id for found in ada.projects.models.list("speech")] == [model.id]
    ada.projects.models.unshare("speech", model.id)
    texts = [event.text for event in ada.projects.events.list("speech", page_size=2)]
    assert len(texts) > 5
    assert "created" in texts[-1]


def test_a_long_list_comes_in_pages(ada: Client) -> None:
    names = [f"p{number:02}" for number in range(7)]
    for name in names:
        ada.projects.create(name)
    found = ada.projects.list(page_size=3)
    assert next(found).name == "p00"
    assert [project.name for project in found] == names[1:]


async def test_the_asynchronous_client_has_the_same(url: str) -> None:
    async with AsyncClient(url, "carol") as carol:
        assert (await carol.me.get()).name == "carol"
        for name in ("a1", "a2", "a3"):
            await carol.projects.create(name)
        assert [project.name async for project in carol.projects.list(page_size=2)] == ["a1", "a2", "a3"]
        await carol.projects.members.add("a1", "dan", Role.OWNER)
        await carol.projects.leave("a1")
        with pytest.raises(ProjectNotFoundError):
            await carol.projects.get("a1")
        assert [share async for share in carol.me.shared_models()] == []


def test_errors_come_back_as_their_classes(ada: Client, bob: Client) -> None:
    ada.projects.create("vision")
    ada.projects.members.add("vision", "bob", "viewer")
    with pytest.raises(ProjectNotFoundError, match="in no project named 'nowhere'") as caught:
        ada.projects.get("nowhere")
    assert (caught.value.code, caught.value.status_code, caught.value.exit_code) == ("project_not_found", 404, 5)
    with pytest.raises(NotAllowedError):
        bob.projects.archive("vision")
    with pytest.raises(ProjectExistsError):
        bob.projects.create("vision")
    with pytest.raises(MemberExistsError):
        ada.projects.members.add("vision", "bob")
    with pytest.raises(UserNotFoundError):
        ada.projects.members.add("vision", "nobody-here")
    with pytest.raises(MemberNotFoundError):
        ada.projects.members.set_role("vision", "carol", "viewer")
    with pytest.raises(LastOwnerError):
        ada.projects.leave("vision")
    with pytest.raises(LinkNotFoundError):
        bob.projects.join("not-a-link")
    with pytest.raises(ApiError, match="Nothing was deleted") as refused:
        ada.projects.delete("vision", confirm="visoin")
    assert (type(refused.value), refused.value.code, refused.value.status_code) == (InvalidRequestError, "confirmation_needed", 400)
    with pytest.raises(InvalidProjectNameError):
        ada.projects.create("Not A Name")
    assert InvalidRequestError.code == "invalid_request"  # the class keeps its own


def test_a_token_that_is_not_valid(url: str) -> None:
    with Client(url, "wrong-secret") as client, pytest.raises(UnauthenticatedError) as caught:
        client.me.get()
    assert "wrong-secret" not in str(caught.value)
    assert "wrong-secret" not in repr(client)
    with pytest.raises(UsageError, match="copied whole") as odd:
        Client(url, "two words")
    assert "two words" not in str(odd.value)


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/b", "a\nb"])
def test_what_can_be_no_name_is_refused_before_it_is_sent(ada: Client, name: str) -> None:
    with pytest.raises(UsageError, match="cannot be the name"):
        ada.projects.get(name)


def test_arguments_that_the_models_refuse(ada: Client) -> None:
    with pytest.raises(UsageError, match="role: Input should be 'owner', 'editor' or 'viewer'"):
        ada.projects.members.add("vision", "bob", "boss")
    with pytest.raises(UsageError, match="name either"):
        ada.projects.models.share("vision", "whisper")


def test_a_platform_that_is_not_there() -> None:
    with (
        Client("http://127.0.0.1:1", "ada") as client,
        pytest.raises(ConnectionFailedError, match=r"http://127.0.0.1:1/.*Is the address right"),
    ):
        client.me.get()


def test_methods_tell_what_they_take() -> None:
    assert inspect.getdoc(Projects.get) == "Return one of the caller's projects."
    with Client("http://127.0.0.1:1", "ada") as client:
        assert list(inspect.signature(client.projects.create).parameters) == ["name", "display_name", "description"]
        assert client.projects.create.__name__ == "create"


def test_importing_labyard_is_light() -> None:
    program = "import sys, labyard; heavy = {'httpx', 'pydantic', 'click'} & sys.modules.keys(); assert not heavy, heavy; labyard.Client"
    subprocess.run([sys.executable, "-c", program], check=True)
    with pytest.raises(AttributeError):
        labyard.nothing  # noqa: B018
