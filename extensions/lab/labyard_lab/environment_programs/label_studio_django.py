"""Sets Label Studio up inside this process: its variables, Django, its database."""

import os
import pathlib
import shutil
import sys

_DATABASE = "label_studio.sqlite3"

# Nothing leaves the machine unless the user sends it.
_QUIET = {
    "COLLECT_ANALYTICS": "false",
    "LATEST_VERSION_CHECK": "false",
    "SENTRY_DSN": "",
    "FRONTEND_SENTRY_DSN": "",
    "DISABLE_SIGNUP_WITHOUT_LINK": "true",
    "LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN": "true",
    "DEBUG": "false",
    "LOG_LEVEL": "WARNING",
}


def set_variables(data_dir, base_url, origin):
    """Set the environment variables that Label Studio's settings read."""
    os.environ.update({f"LABEL_STUDIO_{name.removeprefix('LABEL_STUDIO_')}": value for name, value in _QUIET.items()})
    # Some are looked up with the prefix and some without it, the one without it sometimes first.
    os.environ.update(_QUIET)
    os.environ.update(
        LABEL_STUDIO_BASE_DATA_DIR=str(data_dir),
        LABEL_STUDIO_DATABASE_NAME=str(data_dir / _DATABASE),
        LABEL_STUDIO_HOST=origin + base_url.rstrip("/"),
        DJANGO_SETTINGS_MODULE="label_studio.core.settings.label_studio",
    )
    for name in ("HOST", "DJANGO_DB", "LABEL_STUDIO_DJANGO_DB"):
        os.environ.pop(name, None)
    # Pictures in this folder can be labelled where they lie. Everybody whom the tool is shared with can read all of it.
    os.environ.setdefault("LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED", "true")
    os.environ.setdefault("LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT", str(_pictures()))


def _pictures():
    """Return the project's folder, or a folder for this purpose in the person's home."""
    projects, project = os.environ.get("LABYARD_PROJECTS_DIR"), os.environ.get("LABYARD_PROJECT")
    if projects and project:
        return pathlib.Path(projects, project, "files")
    folder = pathlib.Path.home() / "label-studio"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def set_up_django(base_url):
    """Load Label Studio and return its WSGI application. Takes some seconds."""
    import label_studio

    sys.path.insert(1, str(pathlib.Path(label_studio.__file__).parent))  # it imports its own parts by their short names
    from django.conf import settings
    from django.core.wsgi import get_wsgi_application
    from label_studio_files import read_from_disk
    from label_studio_settings import adapt

    adapt(settings, base_url.rstrip("/"))
    read_from_disk(base_url.rstrip("/"))
    return get_wsgi_application()


def copy_template(data_dir, template):
    """Begin with a migrated database, if there is none yet and a template is at hand. Return whether it was copied."""
    target = data_dir / _DATABASE
    if target.exists() or not template or not pathlib.Path(template).is_file():
        return False
    half_done = target.with_suffix(".new")
    shutil.copyfile(template, half_done)
    half_done.chmod(0o600)
    half_done.replace(target)
    return True


def migrate(data_dir):
    """Bring the database up to this version of Label Studio; an older one is copied first."""
    from django.core.management import call_command
    from label_studio.server import is_database_synchronized

    if is_database_synchronized("default"):
        return
    database = data_dir / _DATABASE
    if database.exists() and database.stat().st_size > 0:
        from label_studio import __version__

        backup = database.with_name(f"{_DATABASE}.before-{__version__}")
        if not backup.exists():
            shutil.copy2(database, backup)
            print(f"The database is of another version. A copy of it is kept in {backup}", flush=True)
    print("Preparing the database. This takes a minute the first time", flush=True)
    call_command("migrate", "--no-color", verbosity=0)
