"""Runs the provider: `python -m compose.openid_provider` listens on OPENID_PORT until it is told to stop."""

import os
import socket
import sys

from compose.openid_provider.provider import Client
from compose.openid_provider.web import web_app

NEEDED = ("OPENID_PORT", "OPENID_CLIENT_ID", "OPENID_CLIENT_SECRET", "EDGE_URL")


def main() -> int:
    missing = [name for name in NEEDED if not os.environ.get(name)]
    if missing:
        print(f"login provider: missing from the environment: {', '.join(missing)}", file=sys.stderr)
        return 1
    port = int(os.environ["OPENID_PORT"])
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(("127.0.0.1", port))
    except OSError as error:
        print(f"login provider: cannot listen on 127.0.0.1:{port} ({error.strerror})", file=sys.stderr)
        return 1
    listening.listen(128)
    edge = os.environ["EDGE_URL"].rstrip("/")
    client = Client(
        os.environ["OPENID_CLIENT_ID"],
        os.environ["OPENID_CLIENT_SECRET"],
        {name: f"{edge}/v1/auth/oauth/{name}/callback" for name in ("google", "github")},
    )
    app = web_app(client, f"http://127.0.0.1:{port}")
    app.run(sock=listening, single_process=True, access_log=False, motd=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
