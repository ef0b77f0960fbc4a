from __future__ import annotations

from pathlib import Path

import pytest

from labyard_hub.config.loader import dump_configuration, load_configuration, parse_configuration
from labyard_hub.exceptions import ConfigurationError


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def error_of(path: Path) -> ConfigurationError:
    with pytest.raises(ConfigurationError) as caught:
        load_configuration(path)
    return caught.value


def test_defaults_without_a_file() -> None:
    configuration = load_configuration(None)
    assert configuration.settings.listen.host == "127.0.0.1"
    assert configuration.settings.tools.enabled == ("tensorboard", "mlflow", "label-studio")
    assert configuration.tools == ()


def test_file_then_options(tmp_path: Path) -> None:
    file = write(tmp_path / "config.yaml", "listen:\n  port: 9000\nservers:\n  memory_limit_bytes: 4Gi\n  idle_timeout_seconds: 2h\n")
    settings = load_configuration(file, {"listen": {"host": "127.0.0.2"}}).settings
    assert (settings.listen.host, settings.listen.port) == ("127.0.0.2", 9000)
    assert settings.servers.memory_limit_bytes == 4 * 2**30
    assert settings.servers.idle_timeout_seconds == 7200


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "listen:\n", "servers: {}\n"])
def test_empty_files_and_sections_are_fine(tmp_path: Path, text: str) -> None:
    file = write(tmp_path / "config.yaml", text.replace("listen:\n", "listen: {}\n"))
    assert load_configuration(file).settings.listen.port == 8000


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("listen:\n  prot: 9000\n", 2, ["`listen.prot` is not a setting. Did you mean `port`?", "public_url"]),
        ("\n\nlisten_: {}\n", 3, ["`listen_` is not a setting", "listen"]),
        ("listen:\n  port: many\n", 2, ["`listen.port`", "whole number"]),
        ("servers:\n  memory_limit_bytes: 4GB\n", 2, ["4GB", "4Gi"]),
        ("listen:\n  host: 0.0.0.0\n", 1, ["can be reached from other machines", "allow_insecure"]),
        ("listen:\n  trusted_proxies: [10.0.0.1/8]\n", 2, ["trusted_proxies", "10.0.0.1/8 has host bits set"]),
        ("listen:\n  tls_key: key.pem\n", 1, ["tls_certificate"]),
        ("tools:\n  enabled:\n    - tensorboard\n    - jupyter\n", 2, ["no built-in tool 'jupyter'", "mlflow"]),
        ("a: [1\nb: 2\n", 2, ["not valid YAML"]),
        ("listen:\n  port: 1\n  port: 2\n", 3, ["`listen.port` stands twice", "line 2"]),
        ("- listen\n", 1, ["top level"]),
        ("sign_in:\n  attempts_per_user: 0\n", 2, ["attempts_per_user"]),
    ],
)
def test_mistakes_are_shown_with_their_line(tmp_path: Path, text: str, line: int, words: list[str]) -> None:
    file = write(tmp_path / "config.yaml", text)
    error = error_of(file)
    assert error.line == line, error.message
    assert error.message.startswith(f"{file}:{line}: ")
    for word in words:
        assert word in error.message


def test_a_missing_or_unreadable_file(tmp_path: Path) -> None:
    assert "no such file" in error_of(tmp_path / "none.yaml").message
    assert "cannot be read" in error_of(tmp_path).message
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    assert "not UTF-8" in error_of(tmp_path / "binary.yaml").message


def test_an_option_error_names_no_line() -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_configuration(None, {"listen": {"host": "0.0.0.0"}})
    assert caught.value.message.startswith("`listen`: 0.0.0.0 can be reached")


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    file = write(tmp_path / "config.yaml", "listen:\n  tls_certificate: certs/a.pem\n  tls_key: /etc/a.key\n")
    listen = load_configuration(file).settings.listen
    assert listen.tls_certificate == tmp_path / "certs" / "a.pem"
    assert listen.tls_key == Path("/etc/a.key")


def test_tools_and_hub_files_beside_the_file(tmp_path: Path) -> None:
    file = write(tmp_path / "config.yaml", "")
    for folder in ("tools.d", "jupyterhub_config.d"):
        (tmp_path / folder).mkdir()
    write(tmp_path / "tools.d" / "app.yaml", "name: app\ntitle: App\ncommand: [app, --port, '{port}']\n")
    write(tmp_path / "jupyterhub_config.d" / "20.py", "")
    write(tmp_path / "jupyterhub_config.d" / "10.py", "")
    configuration = load_configuration(file)
    assert [tool.name for tool in configuration.tools] == ["app"]
    assert [path.name for path in configuration.hub_files] == ["10.py", "20.py"]
    again = parse_configuration(dump_configuration(configuration))
    assert again == configuration


def test_a_broken_tool_file_is_named_with_its_line(tmp_path: Path) -> None:
    file = write(tmp_path / "config.yaml", "")
    (tmp_path / "tools.d").mkdir()
    write(tmp_path / "tools.d" / "app.yaml", "name: app\ntitle: App\ncommand: [app]\n")
    assert "exactly one of {port} and {socket}" in error_of(file).message
    write(tmp_path / "tools.d" / "app.yaml", "name: app\ntitle: App\nicno: x\ncommand: [app, '{port}']\n")
    assert f"{tmp_path / 'tools.d' / 'app.yaml'}:3: `icno` is not a setting" in error_of(file).message


def test_two_tools_of_one_name(tmp_path: Path) -> None:
    file = write(tmp_path / "config.yaml", "")
    (tmp_path / "tools.d").mkdir()
    for name in ("a", "b"):
        write(tmp_path / "tools.d" / f"{name}.yaml", "name: app\ntitle: App\ncommand: [app, '{port}']\n")
    assert "'app' is already in" in error_of(file).message


def test_secrets_survive_the_dump_and_are_masked_elsewhere(tmp_path: Path) -> None:
    file = write(tmp_path / "config.yaml", "environment:\n  TOKEN: hunter2\n")
    configuration = load_configuration(file)
    assert "hunter2" not in repr(configuration)
    assert "hunter2" not in configuration.settings.model_dump_json()
    assert parse_configuration(dump_configuration(configuration)).settings.environment["TOKEN"].get_secret_value() == "hunter2"
