"""Lets exports find the files of their tasks on the disk.

Label Studio names its files by its own address, prefix included. Its converter takes that for an address elsewhere: it would download each file through the
server in front, which refuses its token, and would keep the sign-in page that comes instead. Without the prefix the converter reads the file itself.
"""

import os
import posixpath
import re
import sys


def read_from_disk(prefix):
    """Adapt the converter's ways to a file, in every module that has them by name.

    Parameters
    ----------
    prefix
        URL path that Label Studio is served under, without a trailing slash.
    """
    from label_studio_sdk._extensions.label_studio_tools.core.utils import io

    own_address = re.compile(rf"(https?://[^/]+)?{re.escape(prefix)}(?=/(data|storage-data)/)")
    for name in ("get_local_path", "get_base64_content"):
        original = getattr(io, name)
        adapted = _below(io, original, own_address)
        for module in [one for known, one in sys.modules.items() if known.startswith("label_studio_sdk.")]:
            if vars(module).get(name) is original:
                setattr(module, name, adapted)
    io.http_get = _refusing_pages(io.http_get)


def answer_error(error, context):
    """Answer as Label Studio does; Django answers 400 to a path outside of the folder, which Label Studio takes for its own failure."""
    from core.utils.common import custom_exception_handler
    from django.core.exceptions import SuspiciousOperation

    return None if isinstance(error, SuspiciousOperation) else custom_exception_handler(error, context)


def _below(io, original, own_address):
    def found(url, *args, **kwargs):
        url = own_address.sub("", url, count=1) if own_address.match(url) else url
        with io.local_files_resolver(_readable_file):
            return original(url, *args, **kwargs)

    return found


def _readable_file(path):
    """Return the file that a task means by `path`; None where it lies in no storage, as for a request by browser."""
    from django.conf import settings
    from django.utils._os import safe_join
    from io_storages.localfiles.models import LocalFilesImportStorage

    file = safe_join(settings.LOCAL_FILES_DOCUMENT_ROOT, posixpath.normpath(path).lstrip("/"))
    folders = LocalFilesImportStorage.objects.values_list("path", flat=True)
    return file if any(file.startswith(folder.rstrip(os.sep) + os.sep) for folder in folders) else None


def _refusing_pages(original):
    def http_get(url, **kwargs):
        answer = original(url, **kwargs)
        if answer.headers.get("Content-Type", "").startswith("text/html"):
            raise FileNotFoundError(f"{url} answers with a page, perhaps to sign in, and not with a file.")
        return answer

    return http_get
