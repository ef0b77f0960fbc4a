"""Makes a migrated, empty database of Label Studio, so that first starts take seconds. Runs by its environment's interpreter.

Usage: ``python label_studio_template.py FILE``

It holds no user, no secret and no data; it may be readable by everybody. Made again, it replaces the old one in one step.
"""

import pathlib
import shutil
import sqlite3
import sys
import tempfile

import label_studio_django


def main():
    """Make it."""
    if len(sys.argv) != 2:
        print("usage: label_studio_template.py FILE", file=sys.stderr)
        return 2
    target = pathlib.Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory(prefix="labyard-template-") as folder:
        data_dir = pathlib.Path(folder)
        label_studio_django.set_variables(data_dir, "/", "http://localhost")
        label_studio_django.set_up_django("/")
        label_studio_django.migrate(data_dir)
        from django.db import connections

        connections.close_all()
        database = data_dir / "label_studio.sqlite3"
        with sqlite3.connect(database) as connection:
            if connection.execute("SELECT count(*) FROM htx_user").fetchone()[0]:
                print("the fresh database holds users already; this version of Label Studio is not known", file=sys.stderr)
                return 1
        connection.execute("VACUUM")
        connection.close()
        half_done = target.with_name(target.name + ".new")
        shutil.copyfile(database, half_done)
        half_done.chmod(0o644)
        half_done.replace(target)
    print(f"Wrote {target}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
