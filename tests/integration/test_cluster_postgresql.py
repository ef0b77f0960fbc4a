"""Hub and service of a cluster with their records on a real PostgreSQL server, without a file of their own.

Worth its half a minute: JupyterHub's tables, ours beside them, and what the hub asks of them in bulk are other SQL there.
"""

from __future__ import annotations

from collections.abc import Iterator

import asyncpg
import pytest

from labyard_hub.storage.identity import IdentityStore
from tests.integration.cluster_world import NAMESPACE, PASSWORD, ClusterWorld, start_cluster_world
from tests.platform import open_temporary_folder, wait_until
from tests.service import Postgres, install_driver, postgres

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with postgres() as running:
        for name in ("labyard", "labyard_hub"):
            running.run("createdb", "-h", str(running.folder), "-U", "labyard", name)
        yield running


@pytest.fixture(scope="module")
def world(server: Postgres) -> Iterator[ClusterWorld]:
    with open_temporary_folder() as folder:
        (folder / "world").mkdir()
        more = {
            "LABYARD_HUB_DATABASE_URL": f"postgresql://labyard@/labyard_hub?host={server.folder}",
            "LABYARD_DATABASE_URL": f"postgresql://labyard@/labyard?host={server.folder}",
            "PYTHONPATH": str(install_driver(folder)),
        }
        with start_cluster_world(folder / "world", image=more) as running:
            yield running


async def test_servers_and_people_come_go_and_survive_a_killed_hub(world: ClusterWorld, server: Postgres) -> None:
    world.press_start("bob", "small")
    uid = world.wait_ready("bob")["metadata"]["uid"]
    world.kill("hub")
    world.start_hub()
    wait_until(lambda: world.server("bob").get("ready"), "the server is found again", 60)
    assert world.fake.pods(NAMESPACE)["server-bob"]["metadata"]["uid"] == uid
    assert "bob" in world.sessions["ada"].http.get("hub/admin").text
    world.stop_server("bob")

    assert world.call("carol", "GET", "authorize")["workspace"] == "carol"
    assert world.sessions["ada"].hub_api("DELETE", "users/carol").status_code == 204
    IdentityStore(world.state.identity_database).add_user("carol", PASSWORD)
    world.sessions["carol"].http.close()
    world.sign_in("carol")
    assert world.call("carol", "GET", "authorize")["workspace"].startswith("carol--")

    connection = await asyncpg.connect(host=str(server.folder), user="labyard", database="labyard_hub")
    try:
        assert {row["name"] for row in await connection.fetch("SELECT name FROM labyard_removed_names")} == {"carol"}
    finally:
        await connection.close()
    assert not list(world.folder.rglob("jupyterhub.sqlite"))
    assert not list(world.folder.rglob("labyard.db"))
