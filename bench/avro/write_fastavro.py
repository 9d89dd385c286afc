"""fastavro as a contender: `write_fastavro.py fastavro|fastavro-from-columns CODEC LEVEL IN OUT`.

Reads the rows of IN, then writes them to OUT and prints the rows and the CPU seconds of writing alone. `fastavro` is given
dicts that are made beforehand, timestamps as integers, which cost it less than datetimes; `fastavro-from-columns` starts from
a pyarrow table.
"""
import sys
import time

import fastavro

name, codec, level, source, target = sys.argv[1:]
with open(source, "rb") as file:
    reader = fastavro.reader(file)
    schema = reader.writer_schema
    rows = list(reader)

if name == "fastavro-from-columns":
    import pyarrow

    table = pyarrow.Table.from_pylist(rows)
    inputs = [table.slice(0, len(rows) // 10), table]
else:
    for row in rows:
        row["pickup_at"] = int(row["pickup_at"].timestamp() * 1000)
    inputs = [rows[: len(rows) // 10], rows]


def write(some):
    dicts = some if isinstance(some, list) else some.to_pylist()
    options = {"codec_compression_level": int(level)} if codec == "deflate" else {}
    with open(target, "wb") as file:
        fastavro.writer(file, schema, dicts, codec=codec, sync_interval=256 * 1024, **options)


write(inputs[0])
start = time.process_time()
write(inputs[1])
print(len(rows), time.process_time() - start)
