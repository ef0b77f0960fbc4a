"""A spawner that knows what its server was given. A spawner class is `ChosenSpawner` and one of JupyterHub's."""

from __future__ import annotations

from typing import Any, cast

from jupyterhub.utils import maybe_future
from traitlets import Any as AnyTrait
from traitlets import default

from labyard_hub.config.settings import Settings
from labyard_hub.domain.profiles import Choice
from labyard_hub.hub_process import mlflow_client
from labyard_hub.hub_process.idle import TimedSpawner, activity_interval_seconds
from labyard_hub.hub_process.starting.decision import grant
from labyard_hub.hub_process.starting.grants import Granted, Starts
from labyard_hub.hub_process.starting.reserved import Key

__all__ = ["DEFAULT_URLS", "ChosenSpawner"]

DEFAULT_URLS = {"lab": "/lab", "notebook": "/tree"}
"""Where each interface starts, under the server's own URL."""


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
        """Decide what is started, and take it; then do what the operator has set."""
        await grant(self, self.user_options)
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

    async def has_home(self) -> bool:
        """Return whether there is anything that `retire` puts away."""
        return False

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
