"""The API by HTTP, and beside it, under ``/fake``, what a test tells the cluster."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tornado.iostream import StreamClosedError
from tornado.web import Application, RequestHandler

from tests.fake_kubernetes.access import Access, Account
from tests.fake_kubernetes.api import Api
from tests.fake_kubernetes.controllers import Controllers
from tests.fake_kubernetes.errors import ApiError, bad_request, method_not_allowed
from tests.fake_kubernetes.images import Registry
from tests.fake_kubernetes.resources import Resource, find_resource
from tests.fake_kubernetes.selectors import Matches, parse_selectors
from tests.fake_kubernetes.store import Change

__all__ = ["Cluster", "make_application"]

BOOKMARK_SECONDS = 1.0
"""A real server sends one each minute."""


@dataclass(frozen=True)
class Cluster:
    """What belongs together."""

    api: Api
    access: Access
    registry: Registry
    controllers: Controllers


def make_application(cluster: Cluster) -> Application:
    """Return the web application."""
    place = r"(?:api|apis/(?P<group>[^/]+))/(?P<version>v[^/]+)"
    rest = r"(?P<plural>[a-z]+)(?:/(?P<name>[^/]+))?(?:/(?P<below>[a-z]+))?"
    named = {"cluster": cluster}
    return Application([
        (rf"/{place}/namespaces/(?P<namespace>[^/]+)/{rest}", ResourceHandler, named),
        (rf"/{place}/{rest}", ResourceHandler, named),
        (r"/version/?", VersionHandler, named),
        (r"/fake/images", ImagesHandler, named),
        (r"/fake/accounts", AccountsHandler, named),
        (r"/fake/compact", CompactHandler, named),
        (r"/fake/kill/([^/]+)/([^/]+)", KillHandler, named),
        (r"/.*", ResourceHandler, named),
    ])  # fmt: skip


class _Handler(RequestHandler):
    def initialize(self, cluster: Cluster) -> None:
        """Take the cluster."""
        self.cluster = cluster

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer with a Status object."""
        error = kwargs.get("exc_info", (None, None))[1]
        if not isinstance(error, ApiError):
            error = ApiError(status_code, "InternalError", f"Internal error occurred: {error}")
        self.set_status(error.code)
        self.finish(error.status())

    def log_exception(self, *args: Any) -> None:
        """Log what is no answer."""
        if not isinstance(args[1], ApiError):
            super().log_exception(*args)

    def _body(self) -> Any:
        try:
            return json.loads(self.request.body or b"{}")
        except ValueError:
            raise bad_request("the object provided is unrecognized: it is no JSON") from None


class ResourceHandler(_Handler):
    """Objects of one kind, or one object."""

    def _find(self, verb: str, place: Mapping[str, str | None]) -> tuple[Resource, str, str]:
        resource = find_resource(place.get("group") or "", place.get("version") or "", place.get("plural") or "")
        namespace, name, below = place.get("namespace") or "", place.get("name") or "", place.get("below") or ""
        known = (
            resource is not None
            and (resource.namespaced or not namespace)
            and (below in ("", "status") or (below, resource.kind) == ("log", "Pod"))
        )
        if resource is None or not known or (resource.namespaced and name and not namespace):
            raise ApiError(404, "NotFound", "the server could not find the requested resource")
        self.cluster.access.check(self.request.headers.get("Authorization", ""), verb, resource, namespace, below)
        return resource, namespace, name

    async def get(self, **place: str | None) -> None:
        """Read, list or watch."""
        watching = self.get_query_argument("watch", "") in ("true", "1", "True")
        resource, namespace, name = self._find("get" if place.get("name") else "watch" if watching else "list", place)
        if place.get("below") == "log":
            pod = self.cluster.api.read(resource, namespace, name)
            lines = self.cluster.controllers.log(pod).splitlines(keepends=True)
            number = int(self.get_query_argument("tailLines", "0"))
            self.set_header("Content-Type", "text/plain")
            self.finish("".join(lines[-number:] if number else lines))
            return
        if name:
            self.finish(self.cluster.api.read(resource, namespace, name))
            return
        matches = parse_selectors(resource, self.get_query_argument("labelSelector", ""), self.get_query_argument("fieldSelector", ""))
        if watching:
            await self._watch(resource, namespace, matches)
            return
        items = [item for item in self.cluster.api.store.find(resource, namespace) if matches(item)]
        self.finish({
            "kind": f"{resource.kind}List", "apiVersion": resource.api_version,
            "metadata": {"resourceVersion": str(self.cluster.api.store.version)}, "items": items,
        })  # fmt: skip

    def post(self, **place: str | None) -> None:
        """Create."""
        if place.get("name"):
            raise method_not_allowed()
        resource, namespace, _ = self._find("create", place)
        if resource.namespaced and not namespace:
            raise method_not_allowed()
        made = self.cluster.api.create(resource, namespace, self._body())
        self.set_status(201)
        self.finish(made)

    def put(self, **place: str | None) -> None:
        """Replace."""
        resource, namespace, name = self._find("update", place)
        if not name:
            raise method_not_allowed()
        if place.get("below") == "status":
            self.cluster.api.set_status(resource, namespace, name, self._body().get("status", {}))
            self.finish(self.cluster.api.read(resource, namespace, name))
            return
        self.finish(self.cluster.api.replace(resource, namespace, name, self._body()))

    def patch(self, **place: str | None) -> None:
        """Change in part."""
        resource, namespace, name = self._find("patch", place)
        if not name:
            raise method_not_allowed()
        kind = self.request.headers.get("Content-Type", "").partition(";")[0]
        self.finish(self.cluster.api.patch(resource, namespace, name, kind, self._body()))

    def delete(self, **place: str | None) -> None:
        """Delete one, or all that are selected."""
        resource, namespace, name = self._find("delete" if place.get("name") else "deletecollection", place)
        options = self._body()
        grace = self.get_query_argument("gracePeriodSeconds", "")
        if grace:
            options["gracePeriodSeconds"] = int(grace)
        if name:
            gone = self.cluster.api.delete(resource, namespace, name, options)
            self.finish(gone if resource.kind in ("Pod", "PersistentVolumeClaim") else {
                "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success",
                "details": {"name": name, "kind": resource.plural, "uid": gone["metadata"]["uid"]},
            })  # fmt: skip
            return
        matches = parse_selectors(resource, self.get_query_argument("labelSelector", ""), self.get_query_argument("fieldSelector", ""))
        for item in [item for item in self.cluster.api.store.find(resource, namespace) if matches(item)]:
            self.cluster.api.delete(resource, item["metadata"].get("namespace", ""), item["metadata"]["name"], options)
        self.finish({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"})

    async def _watch(self, resource: Resource, namespace: str, matches: Matches) -> None:
        store = self.cluster.api.store
        asked = self.get_query_argument("resourceVersion", "")
        seconds = float(self.get_query_argument("timeoutSeconds", "1800"))
        bookmarks = self.get_query_argument("allowWatchBookmarks", "") in ("true", "1", "True")
        loop = asyncio.get_running_loop()
        deadline, bookmark_at = loop.time() + seconds, loop.time() + BOOKMARK_SECONDS
        self.set_header("Content-Type", "application/json")
        try:
            if asked in ("", "0"):
                version = store.version
                for item in store.find(resource, namespace):
                    if matches(item):
                        await self._send("ADDED", item)
            else:
                version = int(asked)
            while (left := deadline - loop.time()) > 0:
                for change in store.since(version):
                    version = change.version
                    event = _event(change, resource, namespace, matches)
                    if event is not None:
                        await self._send(*event)
                if bookmarks and loop.time() >= bookmark_at:
                    bookmark_at = loop.time() + BOOKMARK_SECONDS
                    mark = {"kind": resource.kind, "apiVersion": resource.api_version, "metadata": {"resourceVersion": str(version)}}
                    await self._send("BOOKMARK", mark)
                await self.flush()
                await _wait(store.wait(), min(left, BOOKMARK_SECONDS) if bookmarks else left)
        except ApiError as error:
            await self._send("ERROR", error.status())
        except StreamClosedError:
            return
        self.finish()

    async def _send(self, kind: str, item: Any) -> None:
        self.write(json.dumps({"type": kind, "object": item}) + "\n")
        await self.flush()

    def on_connection_close(self) -> None:
        """Nothing: the next write to a watch that is gone ends it."""


def _event(change: Change, resource: Resource, namespace: str, matches: Matches) -> tuple[str, dict[str, Any]] | None:
    """Return what a watch with a selector tells of a change: what stops matching is deleted for it."""
    if change.resource is not resource:
        return None
    item = change.after or change.before
    if item is None or (namespace and item["metadata"].get("namespace") != namespace):
        return None
    was = change.before is not None and matches(change.before)
    if change.after is not None and matches(change.after):
        return ("MODIFIED" if was else "ADDED"), change.after
    return ("DELETED", item) if was else None


async def _wait(waiting: Any, seconds: float) -> None:
    try:
        await asyncio.wait_for(waiting, seconds)
    except TimeoutError:
        return


class VersionHandler(_Handler):
    """Which Kubernetes it is."""

    def get(self) -> None:
        """Tell."""
        major, minor = self.cluster.api.version.split(".")
        self.finish({"major": major, "minor": minor, "gitVersion": f"v{major}.{minor}.0", "platform": "linux/amd64"})


class ImagesHandler(_Handler):
    """The registry."""

    def put(self) -> None:
        """Say what images are: an object of `Image` by pattern."""
        self.cluster.registry.put(self._body())
        self.set_status(204)


class AccountsHandler(_Handler):
    """Tokens and what they may."""

    def put(self) -> None:
        """Add one: ``{"token", "name", "rules": {NAMESPACE: [rules of a Role]}}``."""
        body = self._body()
        self.cluster.access.add(body["token"], Account(body["name"], body["rules"]))
        self.set_status(204)


class CompactHandler(_Handler):
    """The history."""

    def post(self) -> None:
        """Forget it."""
        self.cluster.api.store.compact()
        self.set_status(204)


class KillHandler(_Handler):
    """The end of a container."""

    def post(self, namespace: str, name: str) -> None:
        """Let it end: ``{"reason", "code"}``."""
        body = self._body()
        if not self.cluster.controllers.kill(namespace, name, body.get("reason", "OOMKilled"), int(body.get("code", 137))):
            raise ApiError(404, "NotFound", f'no container runs in the pod "{name}"')
        self.set_status(204)
