"""A clock that you can fetch: a web page with the time, made anew for each request."""

import time
from typing import Any

from twisted.web.resource import Resource
from twisted.web.server import Request, Site

PORT = 8880

PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head><title>Clock</title></head>
<body><time datetime="{iso}">{text}</time></body>
</html>
"""


class ClockPage(Resource):
    """The system clock, in the server's local time zone, at every path."""

    isLeaf = True

    def render_GET(self, request: Request) -> bytes:
        """Return an HTML page in UTF-8 with the time of this request."""
        now = time.localtime()
        iso = time.strftime("%Y-%m-%dT%H:%M:%S%z", now)
        request.setHeader(b"Content-Type", b"text/html; charset=utf-8")
        request.setHeader(b"Cache-Control", b"no-store")
        return PAGE.format(iso=iso, text=time.asctime(now)).encode()


def main(reactor: Any) -> None:
    """Serve the clock on port 8880 until the reactor is stopped."""
    reactor.listenTCP(PORT, Site(ClockPage()))
    # Only a running reactor handles signals, and who reads this may stop it at once.
    reactor.callWhenRunning(
        print, f"The time is on http://localhost:{PORT}/ (Ctrl-C to stop)", flush=True
    )
    reactor.run()


if __name__ == "__main__":
    from twisted.internet import reactor

    main(reactor)
