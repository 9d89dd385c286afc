"""An AWS of its own for the tests: moto over HTTP on a free port of the loopback interface.

Prints one line of JSON, {"url": ...}, once it answers, and ends when its standard input does, so that it never
outlives the tests, however they end.

moto looks at a write's condition and writes in two steps, and its threads may come in between; S3 decides in one.
So writes to S3 are taken one at a time here. Other services are not held up: Step Functions calls back while it runs.
"""

import argparse
import json
import os
import sys
import threading

from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server


class QuietHandler(WSGIRequestHandler):
    # Connections are kept open, as with S3.
    protocol_version = "HTTP/1.1"

    def log(self, *args):
        pass


def one_write_at_a_time(application):
    lock = threading.Lock()

    def serve(environ, start_response):
        is_s3 = "/s3/" in environ.get("HTTP_AUTHORIZATION", "")
        if not is_s3 or environ["REQUEST_METHOD"] in ("GET", "HEAD"):
            return application(environ, start_response)
        with lock:
            return list(application(environ, start_response))

    return serve


def end_with_parent():
    sys.stdin.buffer.read()
    os._exit(0)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="by default a free one")
    options = parser.parse_args()
    application = one_write_at_a_time(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", options.port, application, threaded=True, request_handler=QuietHandler)
    threading.Thread(target=end_with_parent, daemon=True).start()
    # The socket listens already, so whoever calls from now on is answered.
    print(json.dumps({"url": f"http://127.0.0.1:{server.server_port}"}), flush=True)
    server.serve_forever()


main()
