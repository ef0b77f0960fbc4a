"""POSIX access lists of files and folders, as the kernel keeps them: read, written and compared without starting a program.

The format is version 2 of ``include/uapi/linux/posix_acl_xattr.h``: a 32-bit version, then an entry of 16-bit tag, 16-bit permissions and 32-bit id each,
all little endian. Everything here works on open descriptors, those of ``O_PATH`` included, so no name is looked up and no link is followed.
"""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Mapping
from typing import Literal

__all__ = ["EXECUTE", "READ", "WRITE", "decode", "encode", "read_acl", "write_acl"]

READ, WRITE, EXECUTE = 4, 2, 1

Kind = Literal["access", "default"]

_VERSION = 2
_HEADER = struct.Struct("<I")
_ENTRY = struct.Struct("<HHI")
_USER_OBJ, _USER, _GROUP_OBJ, _MASK, _OTHER = 0x01, 0x02, 0x04, 0x10, 0x20
_NO_ID = 0xFFFFFFFF


def encode(owner: int, users: Mapping[int, int]) -> bytes:
    """Return the list that lets in only these.

    Parameters
    ----------
    owner
        Permissions of the inode's owner, from `READ`, `WRITE` and `EXECUTE`.
    users
        Permissions of others by uid. The owning group and everybody else get none.
    """
    mask = 0
    for permissions in users.values():
        mask |= permissions
    entries = [
        (_USER_OBJ, owner, _NO_ID),
        *((_USER, users[uid], uid) for uid in sorted(users)),
        (_GROUP_OBJ, 0, _NO_ID),
        (_MASK, mask, _NO_ID),
        (_OTHER, 0, _NO_ID),
    ]
    return _HEADER.pack(_VERSION) + b"".join(_ENTRY.pack(*entry) for entry in entries)


def decode(data: bytes) -> dict[int, int]:
    """Return the permissions of the users that a list names, by uid; empty where the inode has only a mode.

    Raises
    ------
    ValueError
        If `data` is no list of the version that we know.
    """
    if not data:
        return {}
    if len(data) % _ENTRY.size != _HEADER.size or _HEADER.unpack_from(data)[0] != _VERSION:
        raise ValueError("not an access list of version 2")
    return {uid: permissions for tag, permissions, uid in _ENTRY.iter_unpack(data[_HEADER.size :]) if tag == _USER}


def read_acl(descriptor: int, kind: Kind = "access") -> bytes:
    """Return the list of the inode behind `descriptor`; empty where it has none.

    Raises
    ------
    OSError
        ``EOPNOTSUPP`` where the file system has no lists.
    """
    try:
        return os.getxattr(f"/proc/self/fd/{descriptor}", f"system.posix_acl_{kind}")
    except OSError as error:
        if error.errno == errno.ENODATA:
            return b""
        raise


def write_acl(descriptor: int, data: bytes, kind: Kind = "access") -> None:
    """Set the list of the inode behind `descriptor`, and with it its mode.

    Raises
    ------
    OSError
        ``EOPNOTSUPP`` where the file system has no lists, ``ENOSPC`` or ``E2BIG`` where the list is too long for it.
    """
    os.setxattr(f"/proc/self/fd/{descriptor}", f"system.posix_acl_{kind}", data)
