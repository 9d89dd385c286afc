"""Reads a Glue table as awswrangler does and prints [columns, rows] as JSON, rows sorted.

Standard input: {"endpoint", "database", "table", "filter"?: {column: value}, "validate"?: false, "region"?}. With a filter (also an
empty one) awswrangler follows the partitions' locations, without it it lists the table's own.
"""

import json
import os
import sys

given = json.load(sys.stdin)
os.environ.update(
    AWS_ENDPOINT_URL=given["endpoint"],
    AWS_ACCESS_KEY_ID="testing",
    AWS_SECRET_ACCESS_KEY="testing",
    AWS_DEFAULT_REGION=given.get("region", "us-east-1"),
)

import awswrangler as wr  # noqa: E402  (it reads the environment when it is imported)

options = {}
if "filter" in given:
    wanted = given["filter"].items()
    options["partition_filter"] = lambda values: all(values[column] == value for column, value in wanted)
frame = wr.s3.read_parquet_table(
    database=given["database"],
    table=given["table"],
    validate_schema=given.get("validate", True),
    use_threads=False,
    **options,
)
rows = json.loads(frame.to_json(orient="values"))
print(json.dumps([list(frame.columns), sorted(rows, key=json.dumps)]))

# Arrow's threads sometimes abort the interpreter while it is taken down, after all is said.
sys.stdout.flush()
os._exit(0)
