"""Reads an Avro file with fastavro: `read_avro.py FILE`.

Prints one JSON object: `codec`, `metadata` (without the format's own keys), `types` (logical type or plain type a field) and
`rows`, lists in the order of the fields. Decimals, dates and timestamps (UTC) are strings, bytes are hex, integers are
strings where a double does not hold them, and so are NaN and the infinities.
"""
import datetime
import decimal
import json
import math
import sys

import fastavro


def plain(value):
    if isinstance(value, decimal.Decimal):
        return format(value, "f")
    if isinstance(value, (datetime.datetime, datetime.date)):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > 2**53:
        return str(value)
    return value


def type_name(field):
    kind = field["type"][1]
    return kind if isinstance(kind, str) else kind["logicalType"]


with open(sys.argv[1], "rb") as file:
    reader = fastavro.reader(file)
    fields = reader.writer_schema["fields"]
    json.dump(
        {
            "codec": reader.codec,
            "metadata": {key: value for key, value in reader.metadata.items() if not key.startswith("avro.")},
            "types": [type_name(field) for field in fields],
            "rows": [[plain(row[field["name"]]) for field in fields] for row in reader],
        },
        sys.stdout,
        allow_nan=False,
    )
