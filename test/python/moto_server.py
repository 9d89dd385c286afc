"""An AWS of its own for the tests: moto over HTTP on a free port of the loopback interface.

Prints one line of JSON, {"url": ...}, once it answers, and ends when its standard input does, so that it never
outlives the tests, however they end.

moto's S3 is brought nearer to S3 in two ways. It looks at a write's condition and writes in two steps, and another of
its threads may come in between; S3 decides in one, so writes to S3 are taken one at a time here (other services are not
held up: Step Functions calls back while it runs). And it does not look at some conditions that S3 keeps: they are
looked at here.
"""

import argparse
import json
import os
import sys
import threading
from urllib.parse import unquote

from moto.core import DEFAULT_ACCOUNT_ID
from moto.core.config import default_user_config
from moto.s3.models import s3_backends
from moto.stepfunctions import models as stepfunctions_models
from moto.stepfunctions.parser.models import stepfunctions_parser_backends
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

LOST = b"<Error><Code>PreconditionFailed</Code><Message>At least one of the preconditions did not hold</Message></Error>"


class QuietHandler(WSGIRequestHandler):
    # Connections are kept open, as with S3.
    protocol_version = "HTTP/1.1"

    def log(self, *args):
        pass


def etag_of(path):
    """The ETag of the object at /bucket/key, or None."""
    bucket, _, key = path.lstrip("/").partition("/")
    found = s3_backends[DEFAULT_ACCOUNT_ID]["aws"].buckets.get(bucket)
    stored = found.keys.get(key) if found else None
    return stored.etag.strip('"') if stored else None


def loses(environ):
    """True for a write whose condition does not hold and that moto would make all the same."""
    source_match = environ.get("HTTP_X_AMZ_COPY_SOURCE_IF_MATCH")
    if source_match is not None:
        source = etag_of(unquote(environ["HTTP_X_AMZ_COPY_SOURCE"]))
        return source is not None and source != source_match.strip('"')
    match = environ.get("HTTP_IF_MATCH")
    if match is not None and environ["REQUEST_METHOD"] == "POST" and "uploadId=" in environ["QUERY_STRING"]:
        return etag_of(environ["PATH_INFO"].encode("latin-1").decode()) != match.strip('"')
    return False


def nearer_to_s3(application):
    lock = threading.Lock()

    def serve(environ, start_response):
        is_s3 = "/s3/" in environ.get("HTTP_AUTHORIZATION", "")
        if not is_s3 or environ["REQUEST_METHOD"] in ("GET", "HEAD"):
            return application(environ, start_response)
        with lock:
            if loses(environ):
                environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
                start_response("412 Precondition Failed", [("content-length", str(len(LOST)))])
                return [LOST]
            return list(application(environ, start_response))

    return serve


def end_with_parent():
    sys.stdin.buffer.read()
    os._exit(0)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="by default a free one")
    parser.add_argument("--execute", action="store_true", help="run state machines, calling AWS at $MOTO_PORT")
    options = parser.parse_args()
    if options.execute:
        default_user_config["stepfunctions"] = {"execute_state_machine": True}
        # Otherwise CloudFormation makes machines where nothing runs them.
        stepfunctions_models.stepfunctions_backends = stepfunctions_parser_backends
    application = nearer_to_s3(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", options.port, application, threaded=True, request_handler=QuietHandler)
    threading.Thread(target=end_with_parent, daemon=True).start()
    # The socket listens already, so whoever calls from now on is answered.
    print(json.dumps({"url": f"http://127.0.0.1:{server.server_port}"}), flush=True)
    server.serve_forever()


main()
