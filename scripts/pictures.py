"""Take the pictures of the documents, in ``docs/images``, on a platform that is started for it.

It goes the way of the first tutorial by the steps of ``tests/browser/test_story.py``. Run it as root from the repository's folder: ``make pictures``.
"""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

from labyard_hub.config.settings import BUILT_IN_TOOLS
from tests.browser import test_story as story
from tests.browser.conftest import ARGUMENTS, WIDE
from tests.browser.test_projects_panel import head, section
from tests.platform import RunningPlatform, open_temporary_folder, start_platform

IMAGES = Path(__file__).parents[1] / "docs" / "images"
PEOPLE = {"bob": "editor", "carol": "viewer"}


def main() -> None:
    """Take them."""
    with (
        open_temporary_folder() as folder,
        start_platform(folder / "state", tools=BUILT_IN_TOOLS) as running,
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path="/usr/bin/chromium", args=list(ARGUMENTS)) as browser,
        browser.new_context(viewport=WIDE, reduced_motion="reduce") as context,
    ):
        page = context.new_page()
        page.goto(running.setup_url)
        _keep(page, "setup")
        story.become_administrator(page, running, "ada")
        _keep(page, "home")
        story.open_lab(page)
        story.upload(page, "train.py", story.EXAMPLE.read_text())
        accuracy = story.train_in_terminal(page)
        story.see_tensorboard(page)
        _keep(page, "tensorboard")
        story.see_mlflow(page, accuracy)
        story.label_a_task(page)
        _keep(page, "label-studio")
        page.get_by_role("tab", name="MLflow").click()  # by now its page is whole
        _keep(page, "mlflow")
        _show_a_project(page, running)
        _keep(page, "projects-panel")


def _show_a_project(page: Page, running: RunningPlatform) -> None:
    """Open the panel on a project with members."""
    for name in PEOPLE:
        running.add_user(name, story.PASSWORD)
    token = running.session("ada", story.PASSWORD).token("ada")
    service = running.client("services/labyard/api/v1/", token)
    about = {
        "name": "road-signs",
        "display_name": "Road signs",
        "description": "Signs and traffic lights, from the cameras of the new cars.",
    }
    service.post("projects", json=about).raise_for_status()
    for name, role in PEOPLE.items():
        service.post("projects/road-signs/members", json={"user": name, "role": role}).raise_for_status()
    service.post("projects/road-signs/links", json={"role": "viewer"}).raise_for_status()
    page.locator('.jp-SideBar .lm-TabBar-tab[data-id="labyard-projects"]').click()
    head(page, "Road signs").click()
    expect(page.get_by_label("Role of carol")).to_be_visible()
    section(page, "Links to join").click()
    expect(page.get_by_text("Joins as viewer")).to_be_visible()


def _keep(page: Page, name: str) -> None:
    page.screenshot(path=IMAGES / f"{name}.png")


if __name__ == "__main__":
    main()
