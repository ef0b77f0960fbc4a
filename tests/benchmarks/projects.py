"""``GET /projects`` for somebody who is in ten projects, on platforms with 10, 1,000 and 10,000 of them, on SQLite and PostgreSQL."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import httpx
from sqlalchemy import insert, text

from labyard_hub.domain.projects import new_project_id
from labyard_hub.schema.tables import members, projects
from labyard_hub.storage.database import Database
from tests.benchmarks.report import compare
from tests.service import postgres, serve_service

SIZES = (10, 1_000, 10_000)
MINE = 10
MEMBERS_EACH = 5
ROUNDS = 5
REQUESTS = 100


async def _fill(url: str, count: int) -> None:
    database = Database(url)
    await database.migrate()
    now = datetime.now(UTC)
    rows, who = [], []
    for number in range(count):
        name = f"p{number:05d}"
        identifier = new_project_id(name)
        rows.append(
            {
                "id": identifier,
                "name": name,
                "display_name": name,
                "description": "",
                "created_at": now,
                "created_by": "x",
                "updated_at": now,
            }
        )
        # Those of the caller are spread over all.
        mine = number % max(1, count // MINE) == 0
        people = (["ada"] if mine else []) + [f"user{(number * 7 + index) % 997}" for index in range(MEMBERS_EACH)]
        who += [
            {"project_id": identifier, "user_name": user, "generation": 0, "role": "editor", "added_at": now, "added_by": "x"}
            for user in people
        ]
    async with database.write() as connection:
        for start in range(0, len(rows), 1000):
            await connection.execute(insert(projects), rows[start : start + 1000])
        for start in range(0, len(who), 1000):
            await connection.execute(insert(members), who[start : start + 1000])
        # PostgreSQL does this by itself after a while.
        await connection.execute(text("ANALYZE"))
    await database.close()


def _measure(client: httpx.Client, url: str) -> float:
    times = []
    for _ in range(REQUESTS):
        began = time.perf_counter()
        answer = client.get(f"{url}projects")
        times.append(time.perf_counter() - began)
        assert len(answer.json()["projects"]) == MINE
    return statistics.median(times) * 1000


def _run(title: str, urls: dict[int, str]) -> None:
    for size, url in urls.items():
        asyncio.run(_fill(url, size))
    found: dict[int, list[float]] = {size: [] for size in SIZES}
    with httpx.Client(headers={"Authorization": "Bearer ada"}, trust_env=False, timeout=60) as client:
        for _ in range(ROUNDS):
            for size, database in urls.items():
                with serve_service(database) as (url, _):
                    _measure(client, url)
                    found[size].append(_measure(client, url))
    sides = {f"{size:,} projects": values for size, values in found.items()}
    compare(f"GET /projects on {title}, in ten of all", "ms", sides, base=f"{SIZES[0]} projects")


def main() -> None:
    """Measure each size in turn, the median of many requests one after the other, and print the medians of the rounds."""
    with tempfile.TemporaryDirectory(prefix="labyard-bench-", dir="/var/tmp") as name:
        _run("SQLite", {size: f"sqlite+aiosqlite:///{Path(name) / f'{size}.db'}" for size in SIZES})
    with postgres() as server:
        _run("PostgreSQL", {size: asyncio.run(server.create(f"size{size}")) for size in SIZES})
