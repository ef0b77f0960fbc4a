from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

from tests.certificates import make_certificate
from tests.platform import labyard


def test_check_and_show(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("listen:\n  port: 9000\nenvironment:\n  HF_TOKEN: hunter2\n")
    done = labyard("config", "check", "--config", str(file))
    assert done.stdout.startswith(f"ok: {file}")
    shown = labyard("config", "show", "--config", str(file)).stdout
    assert "port: 9000" in shown
    assert "HF_TOKEN" in shown
    assert "hunter2" not in shown
    as_json = json.loads(labyard("config", "show", "--config", str(file), "--json").stdout)
    assert as_json["environment"]["HF_TOKEN"] == "**********"


def test_a_mistake_is_one_line_and_status_2(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("listen:\n  prot: 9000\n")
    for command in (["config", "check"], ["config", "show"], ["up", "--state-dir", str(tmp_path / "state")]):
        done = labyard(*command, "--config", str(file), check=False)
        assert done.returncode == 2
        assert done.stderr.startswith(f"labyard: {file}:2: `listen.prot` is not a setting")
        assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "state").exists()


def test_a_public_address_without_tls_is_refused(tmp_path: Path) -> None:
    done = labyard("up", "--state-dir", str(tmp_path / "state"), "--host", "0.0.0.0", check=False)
    assert done.returncode == 2
    assert "--allow-insecure" in done.stderr


def test_the_file_in_the_state_folder_is_found(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("listen:\n  port: 9100\n")
    assert "port: 9100" in labyard("config", "show", "--state-dir", str(tmp_path)).stdout


def test_help_and_version() -> None:
    assert labyard("--version").stdout.startswith("labyard 0.")
    for command in ("up", "down", "status", "config", "user", "tools"):
        assert command in labyard("--help").stdout
        assert "Usage:" in labyard(command, "--help").stdout


def test_a_group_in_which_nobody_is_is_a_warning_where_that_is_known(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("quotas:\n  groups:\n    reserch: {servers: 2}\n    research: {servers: 2}\n")
    assert labyard("config", "check", "--state-dir", str(tmp_path)).stderr == ""  # no hub has run here
    (tmp_path / "hub").mkdir()
    with closing(sqlite3.connect(tmp_path / "hub" / "jupyterhub.sqlite")) as database, database:
        database.execute("CREATE TABLE groups (name TEXT)")
        database.execute("INSERT INTO groups VALUES ('research')")
    done = labyard("config", "check", "--state-dir", str(tmp_path))
    assert done.stdout.startswith("ok: ")
    assert done.stderr.startswith("labyard: warning: nobody is in the group reserch, which quotas.groups names")
    assert len(done.stderr.splitlines()) == 1


def test_a_certificate_without_the_names_of_servers_is_a_warning(tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path, ["labyard.localhost"])
    (tmp_path / "config.yaml").write_text(f"listen: {{tls_certificate: {certificate.name}, tls_key: {key.name}}}\n")
    done = labyard("config", "check", "--state-dir", str(tmp_path))
    assert done.stdout.startswith("ok: ")
    assert done.stderr.startswith(f"labyard: warning: browsers refuse the certificate {certificate}: ")
    assert "*.labyard.localhost" in done.stderr
