"""Reads every file of a folder of Parquet (pyarrow) or Avro (fastavro) files: `read_table.py FOLDER`.

Prints one JSON object: `columns`, `rows` (lists in that order), `types` (Arrow's or Avro's name a column, partition columns
left out) and `metadata` (key-value metadata of one file, the formats' own keys left out). Partition columns come last, their
values as text or null, as Hive's folders have them: pyarrow finds them by itself, for Avro they are parsed here.
"""

import datetime
import decimal
import json
import os
import sys
import urllib.parse

NULL_FOLDER = "__HIVE_DEFAULT_PARTITION__"


def plain(value):
    if isinstance(value, decimal.Decimal):
        return format(value, "f")
    if isinstance(value, (datetime.datetime, datetime.date)):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    return value


def partition_of(path, folder):
    segments = os.path.relpath(path, folder).split(os.sep)
    return [segment.split("=", 1) for segment in segments if "=" in segment]


def read_parquet(paths, folder):
    import pyarrow as pa
    import pyarrow.dataset as ds
    import pyarrow.parquet as pq

    names = [name for name, _ in partition_of(paths[0], folder)]
    # As text: what pyarrow takes a value for depends on the other values.
    texts = ds.partitioning(pa.schema([(name, pa.string()) for name in names]), flavor="hive") if names else None
    table = ds.dataset(folder, format="parquet", partitioning=texts).to_table()
    file = pq.ParquetFile(paths[0])
    metadata = {key.decode(): value.decode() for key, value in (file.schema_arrow.metadata or {}).items()}
    metadata.update({key.decode(): value.decode() for key, value in (file.metadata.metadata or {}).items()})
    return {
        "columns": table.column_names,
        "types": {field.name: str(field.type) for field in table.schema if field.name not in names},
        "metadata": {key: value for key, value in metadata.items() if not key.startswith("ARROW:")},
        "rows": [[plain(value) for value in row.values()] for row in table.to_pylist()],
    }


def read_avro(paths, folder):
    import fastavro

    columns, types, metadata, rows = [], {}, {}, []
    for path in paths:
        pairs = partition_of(path, folder)
        values = [None if text == NULL_FOLDER else urllib.parse.unquote(text) for _, text in pairs]
        with open(path, "rb") as file:
            reader = fastavro.reader(file)
            fields = reader.writer_schema["fields"]
            columns = [field["name"] for field in fields] + [name for name, _ in pairs]
            types = {field["name"]: type_name(field["type"]) for field in fields}
            metadata = {key: value for key, value in reader.metadata.items() if not key.startswith("avro.")}
            rows += [[plain(row[field["name"]]) for field in fields] + values for row in reader]
    return {"columns": columns, "types": types, "metadata": metadata, "rows": rows}


def type_name(union):
    kind = union[1] if isinstance(union, list) else union
    return kind if isinstance(kind, str) else kind.get("logicalType", kind["type"])


def files_of(folder):
    for root, _, names in os.walk(folder):
        yield from (os.path.join(root, name) for name in names)


folder = sys.argv[1]
paths = sorted(files_of(folder))
is_avro = paths[0].endswith(".avro")
json.dump(read_avro(paths, folder) if is_avro else read_parquet(paths, folder), sys.stdout, allow_nan=False)

# Arrow's threads sometimes abort the interpreter while it is taken down, after all is said.
sys.stdout.flush()
os._exit(0)
