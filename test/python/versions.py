"""Prints the versions of what the tests use from Python, and whether pyarrow and awswrangler work together."""

import json
from importlib.metadata import version

import awswrangler  # noqa: F401
import pyarrow  # noqa: F401

print(json.dumps({name: version(name) for name in ("moto", "awswrangler", "pyarrow", "fastavro", "pandas", "boto3")}))
