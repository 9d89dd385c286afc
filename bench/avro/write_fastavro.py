"""fastavro as a contender: `write_fastavro.py CODEC IN OUT`.

Reads the rows of IN, then writes them to OUT and prints the rows and the CPU seconds of writing alone. Timestamps are given
as integers, which costs fastavro less than datetimes.
"""
import sys
import time

import fastavro

codec, source, target = sys.argv[1:]
with open(source, "rb") as file:
    reader = fastavro.reader(file)
    schema = reader.writer_schema
    rows = list(reader)
for row in rows:
    row["pickup_at"] = int(row["pickup_at"].timestamp() * 1000)


def write(some):
    with open(target, "wb") as file:
        fastavro.writer(file, schema, some, codec=codec, sync_interval=256 * 1024, codec_compression_level=6 if codec == "deflate" else None)


write(rows[: len(rows) // 10])
start = time.process_time()
write(rows)
print(len(rows), time.process_time() - start)
