"""Access lists, compared with what setfacl and getfacl make of them."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
from pathlib import Path

import pytest

from labyard_hub.backends.local.acl import EXECUTE, READ, WRITE, decode, encode, read_acl, write_acl


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.touch(mode=0o600)
    return path


def open_path(path: Path) -> int:
    return os.open(path, os.O_PATH | os.O_NOFOLLOW)


def test_the_same_bytes_as_setfacl(file: Path) -> None:
    subprocess.run(["setfacl", "--set", "u::rw,u:70002:r,u:70001:rw,g::-,o::-", str(file)], check=True)
    descriptor = open_path(file)
    try:
        assert read_acl(descriptor) == encode(READ | WRITE, {70002: READ, 70001: READ | WRITE})
        assert decode(read_acl(descriptor)) == {70001: 6, 70002: 4}
    finally:
        os.close(descriptor)


def test_getfacl_reads_what_was_written(tmp_path: Path) -> None:
    descriptor = os.open(tmp_path, os.O_RDONLY)
    try:
        write_acl(descriptor, encode(7, {70001: 7, 70002: READ | EXECUTE}), "default")
        write_acl(descriptor, encode(7, {70001: 7}))
    finally:
        os.close(descriptor)
    shown = subprocess.run(
        ["getfacl", "--omit-header", "--numeric", str(tmp_path)], check=True, capture_output=True, text=True
    ).stdout.split()
    assert shown == [
        "user::rwx", "user:70001:rwx", "group::---", "mask::rwx", "other::---",
        "default:user::rwx", "default:user:70001:rwx", "default:user:70002:r-x", "default:group::---", "default:mask::rwx", "default:other::---",
    ]  # fmt: skip
    (tmp_path / "inherits").touch()
    descriptor = open_path(tmp_path / "inherits")
    try:
        assert decode(read_acl(descriptor)) == {70001: 7, 70002: 5}
    finally:
        os.close(descriptor)


def test_nothing_where_there_is_only_a_mode(file: Path) -> None:
    descriptor = open_path(file)
    try:
        assert read_acl(descriptor) == b""
        assert decode(b"") == {}
    finally:
        os.close(descriptor)


def test_a_link_is_not_followed(file: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(file)
    descriptor = open_path(link)
    try:
        with pytest.raises(OSError, match=os.strerror(errno.EOPNOTSUPP)):
            write_acl(descriptor, encode(6, {70001: 6}))
    finally:
        os.close(descriptor)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_two_hundred_members_and_the_project_fit(tmp_path: Path) -> None:
    folder = encode(7, dict.fromkeys(range(70000, 70201), 7))
    descriptor = os.open(tmp_path, os.O_RDONLY)
    try:
        write_acl(descriptor, folder, "default")
        write_acl(descriptor, folder)
        assert len(decode(read_acl(descriptor))) == 201
    finally:
        os.close(descriptor)
    (tmp_path / "below").mkdir()
    assert len(decode(os.getxattr(tmp_path / "below", "system.posix_acl_default"))) == 201


@pytest.mark.parametrize("data", [b"x", b"\x01\0\0\0", b"\x02\0\0\0\x01\0\x07"])
def test_what_is_no_list(data: bytes) -> None:
    with pytest.raises(ValueError, match="version 2"):
        decode(data)
