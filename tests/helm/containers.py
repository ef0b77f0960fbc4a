"""What the chart's containers start with, laid into a folder: variables, configuration, secrets."""

from __future__ import annotations

from pathlib import Path

from tests.helm import chart


def container(found: list[chart.Object], deployment: str, wanted: str | None = None) -> tuple[chart.Object, chart.Object]:
    """Return the pod of a Deployment, and its container of the same name, or another one."""
    pod = next(pod for title, pod in chart.pods(found) if title.startswith("Deployment") and title.endswith(f"-{deployment}"))
    return pod, next(one for one in chart.containers(pod) if one["name"] == (wanted or deployment))


def environment(found: list[chart.Object], deployment: str, folder: Path) -> dict[str, str]:
    """Return the variables of a container, with what is mounted in it laid into `folder`."""
    pod, one = container(found, deployment)
    values = {variable["name"]: variable.get("value", "secret") for variable in one["env"]}
    config = next(one for one in chart.of_kind(found, "ConfigMap") if one["metadata"]["name"].endswith("-config"))
    (folder / "config.yaml").write_text(config["data"]["config.yaml"])
    (folder / "secrets").mkdir()
    for volume in pod["spec"]["volumes"]:
        if volume["name"] == "secrets":
            for item in volume["secret"]["items"]:
                (folder / "secrets" / item["path"]).write_text("5e" * 32)
    if "LABYARD_HUB_FILES" in values:
        secret = next(one for one in chart.of_kind(found, "Secret") if one["metadata"]["name"].endswith("-hub-config"))
        (folder / "hub.d").mkdir()
        for file, text in secret["stringData"].items():
            (folder / "hub.d" / file).write_text(text)
        values["LABYARD_HUB_FILES"] = str(folder / "hub.d")
    if "LABYARD_PROJECTS_VOLUME" in values:
        (folder / "projects").mkdir()
        values["LABYARD_PROJECTS_VOLUME"] = str(folder / "projects")
    places = {"LABYARD_STATE_DIR": "state", "LABYARD_CONFIG": "config.yaml", "LABYARD_SECRETS_DIR": "secrets"}
    return {**values, **{variable: str(folder / place) for variable, place in places.items()}, "POD_NAMESPACE": "lab"}
