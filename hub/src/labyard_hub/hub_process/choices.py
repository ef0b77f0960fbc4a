"""What a server is started with, and what it takes while it runs: the same for local processes and for pods.

A spawner class is `ChosenSpawner` and one of JupyterHub's. Its trait `starts` says what there is to choose. `apply_choice` runs at each start, from the page as from
the REST API; it checks the choice and the quotas, and takes what the server needs in one step of the event loop, so that two starts cannot both have the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, cast

from jupyterhub.utils import maybe_future
from traitlets import Any as AnyTrait
from traitlets import default

from labyard_hub.config.catalog import Image
from labyard_hub.config.profiles import ProfileSettings
from labyard_hub.config.settings import Settings
from labyard_hub.domain.profiles import Choice, choose
from labyard_hub.domain.projects import is_project_id
from labyard_hub.domain.quotas import Usage, check_quota, needs_of
from labyard_hub.domain.start_errors import ChoiceError, StartRefusedError
from labyard_hub.hub_process import mlflow_client
from labyard_hub.hub_process.capacity import Capacity, keeps
from labyard_hub.hub_process.disk_use import DiskUse
from labyard_hub.hub_process.idle import TimedSpawner, activity_interval_seconds
from labyard_hub.hub_process.reserved import Key, Reserved
from labyard_hub.hub_process.start_failures import StartRefusal

__all__ = [
    "DEFAULT_URLS",
    "Choice",
    "ChosenSpawner",
    "Granted",
    "Starts",
    "apply_choice",
    "choose_for",
    "resolve",
]


DEFAULT_URLS = {"lab": "/lab", "notebook": "/tree"}
"""Where each interface starts, under the server's own URL."""


@dataclass(frozen=True)
class Granted:
    """What one server has been given, for as long as it runs, whatever the configuration says by then.

    Attributes
    ----------
    usage
        What counts for the quotas.
    granted_at
        When the start began.
    cpu_guarantee_cores, memory_guarantee_bytes
        What is kept for it.
    devices
        Identifiers of its GPUs, where the hub gives them out itself.
    maximum_session_seconds
        None: it may run for ever.
    idle_seconds
        The server is stopped when nobody has used it for so long; None: as the administrator says for all.
    image
        Name of its image; empty where there are none.
    """

    profile: str
    title: str
    usage: Usage
    granted_at: datetime
    cpu_guarantee_cores: float = 0
    memory_guarantee_bytes: int = 0
    devices: tuple[str, ...] = ()
    maximum_session_seconds: float | None = None
    idle_seconds: float | None = None
    image: str = ""

    @classmethod
    def of(cls, choice: Choice, devices: Sequence[str], now: datetime) -> Granted:
        """Return what a server that was chosen so is given `now`."""
        profile = choice.profile
        return cls(
            profile.name,
            profile.label,
            needs_of(profile),
            now,
            profile.cpu_guarantee_cores or 0,
            profile.memory_guarantee_bytes or 0,
            tuple(devices),
            profile.maximum_session_seconds,
            choice.idle_seconds,
            choice.image.name if choice.image is not None else "",
        )

    def to_state(self) -> dict[str, Any]:
        """Return it as JSON, for the spawner's state in the hub's database."""
        return {**asdict(self), "devices": list(self.devices), "granted_at": self.granted_at.isoformat()}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Granted:
        """Return what `to_state` wrote."""
        return cls(**{
            **state,
            "usage": Usage(**state["usage"]),
            "devices": tuple(state["devices"]),
            "granted_at": datetime.fromisoformat(state["granted_at"]),
        })  # fmt: skip


@dataclass
class Starts:
    """What there is to start in this hub, and what is started; there is one per hub.

    Attributes
    ----------
    capacity
        What is free.
    reserved
        What each server that starts or runs was given, by owner and server name.
    disk
        Who fills the disk of the state folder; None on a cluster, where homes are volumes.
    """

    settings: Settings
    capacity: Capacity = field(default_factory=Capacity)
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    reserved: Reserved = field(default_factory=Reserved)
    disk: DiskUse | None = None

    def __deepcopy__(self, memo: Any) -> Starts:
        """Return itself: JupyterHub copies configuration, and all spawners share this."""
        return self

    @property
    def images(self) -> tuple[Image, ...]:
        """The images that people may choose from. On one machine there are none: servers run in the machine's own environments."""
        return self.settings.images.offered if self.settings.cluster is not None else ()

    @property
    def gives_out_gpus(self) -> bool:
        """Whether any profile has GPUs, so that they are not everybody's."""
        return any(profile.gpu is not None for profile in self.settings.profiles)

    @property
    def idle_limit_seconds(self) -> float | None:
        """The administrator's limit on idle servers."""
        return self.settings.servers.idle_timeout_seconds


class ChosenSpawner(TimedSpawner):
    """What makes one of JupyterHub's spawners, the second base, know what its server was given, also after the hub was started again."""

    default_url: Any
    user_options: Any

    starts: Any = AnyTrait(config=True, help="What there is to start: a `Starts`.")
    safe_start = False
    """Whether the start is without the owner's own Jupyter configuration."""
    safe_start_reason = ""
    """Why the server runs without it, as the server has told; empty if it has it."""
    granted: Granted | None = None
    """None while the server does not run."""
    _granted_as: Key = ("", "")

    @default("starts")
    def _all_defaults(self) -> Starts:
        return Starts(Settings())

    @default("apply_user_options")
    def _in_the_hook_below(self) -> Any:
        return lambda _spawner, _options: None  # JupyterHub would log each refusal as an error of ours

    async def run_pre_spawn_hook(self) -> None:
        """Check what is to be started, and take it; then what the operator has set."""
        await apply_choice(self, self.user_options)
        await maybe_future(super().run_pre_spawn_hook())  # type: ignore[misc]

    def load_state(self, state: dict[str, Any]) -> None:
        """Take what the last hub knew."""
        self.ended = state.get("ended", "")
        super().load_state(state)  # type: ignore[misc]  # the second base has them
        if "granted" in state:
            self.grant(Granted.from_state(state["granted"]))

    def get_state(self) -> dict[str, Any]:
        """Return what the next hub shall know."""
        state = cast("dict[str, Any]", super().get_state())  # type: ignore[misc]
        if self.granted is not None:
            return {**state, "granted": self.granted.to_state()}
        return {**state, "ended": self.ended} if self.ended else state

    def clear_state(self) -> None:
        """Forget a server that has ended, and free what it took."""
        super().clear_state()  # type: ignore[misc]
        if self.granted is not None and self.starts.reserved.get(self._granted_as) is self.granted:
            self.starts.reserved.drop(self._granted_as)
        self.granted = None

    def grant(self, granted: Granted) -> None:
        """Note what the server is given; it counts from now on."""
        self.ended = ""
        self.granted, self._granted_as = granted, (self.user.name, self.name or "")
        self.starts.reserved.put(self._granted_as, granted)

    async def retire(self) -> None:
        """Put away what the owner, who is being removed, leaves behind, and note that the next owner of the name is another person."""

    def chosen(self, choice: Choice) -> None:
        """Take what the start is with."""
        self.default_url = DEFAULT_URLS[choice.interface]
        self.safe_start, self.safe_start_reason = choice.safe_start, ""

    def process_ids(self) -> set[int] | None:
        """Return the processes of the server; None where they are not on this machine."""
        return None

    async def run_post_stop_hook(self) -> None:
        """End what the server's programs had for MLflow."""
        mlflow_client.end_token(self)
        await maybe_future(super().run_post_stop_hook())  # type: ignore[misc]

    def chosen_environment(self) -> dict[str, str]:
        """Return the variables that tell a server what it was started with."""
        environment = {}
        if self.granted is not None:
            environment["LABYARD_PROFILE"] = self.granted.title
            if self.session_ends_at is not None:
                environment["LABYARD_SESSION_ENDS_AT"] = self.session_ends_at.isoformat()
            if self.granted.devices:
                environment["CUDA_VISIBLE_DEVICES"] = environment["LABYARD_GPUS"] = ",".join(self.granted.devices)
        # How often a server tells the hub when it was last used: often enough to know before it is decided.
        if self.safe_start:
            environment["LABYARD_SAFE_START"] = "1"
        environment["LABYARD_HUB_AWAY_SECONDS"] = str(self.starts.settings.servers.hub_away_seconds)
        environment["JUPYTERHUB_ACTIVITY_INTERVAL"] = str(activity_interval_seconds(self.idle_seconds))
        return environment


def groups_of(user: Any) -> frozenset[str]:
    """Return the groups of a hub user."""
    return frozenset(group.name for group in user.orm_user.groups)


def last_options(user: Any, server_name: str = "") -> dict[str, Any]:
    """Return what a server was last started with; for one that never was, what this person last chose for any."""
    rows = user.orm_user.orm_spawners
    own = rows.get(server_name)
    if own is not None and own.user_options:
        return dict(own.user_options)
    others = [row for row in rows.values() if row.user_options]
    others.sort(key=lambda row: row.last_activity or datetime.min, reverse=True)  # noqa: DTZ901  # JupyterHub's instants are naive
    return dict(others[0].user_options) if others else {}


def choose_for(starts: Starts, user: Any, server_name: str, asked: Mapping[str, Any]) -> Choice:
    """Return what `user` gets who asks for `asked`.

    Raises
    ------
    StartRefusedError
        If they may not have it.
    """
    settings = starts.settings
    if is_project_id(user.name):
        wanted = settings.projects.server_profile
        profiles: Sequence[ProfileSettings] = [
            one for one in settings.profiles if one.name == wanted or (wanted is None and not one.groups)
        ]
        asked = {key: value for key, value in asked.items() if key in ("interface", "safe_start")}
        profiles = [one.model_copy(update={"groups": ()}) for one in profiles[:1]]
    else:
        profiles = settings.profiles
    return choose(
        asked, last_options(user, server_name), profiles, starts.images, groups_of(user),
        today=starts.now().date(), idle_limit_seconds=starts.idle_limit_seconds,
    )  # fmt: skip


def resolve(spawner: Any) -> Choice:
    """Return what the server of `spawner` is started with, by its ``user_options``.

    Raises
    ------
    StartRefusedError
        If its owner may not have it.
    """
    return choose_for(spawner.starts, spawner.user, spawner.name or "", spawner.user_options or {})


def check_quotas(starts: Starts, user: Any, server_name: str | None, profile: ProfileSettings) -> None:
    """Refuse a start that would go over a quota of the owner, or of one of their groups.

    Parameters
    ----------
    server_name
        The server to be started, which does not count against itself; None for a new one.

    Raises
    ------
    QuotaExceededError
        With the figures.
    """
    quotas, needed = starts.settings.quotas, needs_of(profile)
    this = (user.name, server_name) if server_name is not None else None
    if is_project_id(user.name):
        check_quota(quotas.projects, starts.reserved.used_by([user.name], but=this), needed, project=True)
        return
    check_quota(quotas.users, starts.reserved.used_by([user.name], but=this), needed)
    for group in user.orm_user.groups:
        quota = quotas.groups.get(group.name)
        if quota is not None:
            check_quota(quota, starts.reserved.used_by_group(group.name, user.db, but=this), needed, group=group.name)


def _is_shared(starts: Starts, user: Any, profile: ProfileSettings) -> bool:
    """Return whether what others run decides about a start."""
    return keeps(profile) or any(group in starts.settings.quotas.groups for group in groups_of(user))


async def _all_known(user: Any) -> None:
    """Wait until a hub that has just started knows all that runs; of the person themselves it knows it at once."""
    complete = getattr(user.settings.get("users"), "complete", None)
    if complete is not None:
        await complete.wait()


async def apply_choice(spawner: Any, user_options: Mapping[str, Any]) -> None:
    """Check what a server is to be started with, and give it that.

    Raises
    ------
    StartRefusal
        If its owner may not have it.
    """
    starts: Starts = spawner.starts
    user, name = spawner.user, spawner.name or ""
    try:
        choice = choose_for(starts, user, name, user_options)
        if _is_shared(starts, user, choice.profile):
            await _all_known(user)
        room = await starts.capacity.look(choice.profile)
        # From here to `grant` nothing else runs.
        check_quotas(starts, user, name, choice.profile)
        devices = room.take(choice.profile, (one for key, one in starts.reserved.items() if key != (user.name, name)))
    except StartRefusedError as error:
        if isinstance(error, ChoiceError):
            spawner.orm_spawner.user_options = {}  # else the next start would ask for it again
        raise StartRefusal(error) from error
    spawner.grant(Granted.of(choice, devices, starts.now()))
    spawner.user_options = spawner.orm_spawner.user_options = replace(choice, safe_start=False).to_options()
    spawner.chosen(choice)
