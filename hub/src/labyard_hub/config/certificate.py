"""Tries a certificate as a browser does."""

from __future__ import annotations

import ssl
from contextlib import suppress
from pathlib import Path

__all__ = ["certificate_problem"]


def certificate_problem(certificate: Path, key: Path, name: str) -> str | None:
    """Return why browsers refuse the certificate at the host `name`; None where they take it.

    Who issued it is not judged: an authority of the organisation's own is known to its browsers.
    """
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    try:
        server.load_cert_chain(certificate, key)
        client.load_verify_locations(certificate)
        browser = client.wrap_bio(to_client, to_server, server_hostname=name)
        ours = server.wrap_bio(to_server, to_client, server_side=True)
        for side in (browser, ours, browser):
            with suppress(ssl.SSLWantReadError):
                side.do_handshake()
    except ssl.SSLCertVerificationError as error:
        return error.verify_message.rstrip(".")
    except ssl.SSLError as error:
        return f"{certificate} and {key} cannot be used together: {error.reason}"
    except OSError as error:
        return f"{error.filename or certificate} cannot be read: {error.strerror}"
    return None
