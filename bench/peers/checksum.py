"""Rows and a checksum of files, whatever the order of their rows: `checksum.py LIST.json`, which holds
`{"files": [{"path", "format"}], "kinds": {column: int|double|timestamp|text}}`.

CSV is read by Python's csv module (an empty field is null), Parquet by pyarrow, Avro by fastavro. A row's hash mixes those of its
columns, and the checksum is the sum of the rows' hashes modulo 2^64.
"""
import csv
import itertools
import json
import sys

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

BATCH = 200_000
NULL = np.uint64(0x9E3779B97F4A7C15)


def canonical(values, kind):
    """An Arrow array of int64 (timestamps in microseconds), double or text."""
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    if kind == "timestamp":
        if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
            raise TypeError("timestamps are text")
        if pa.types.is_timestamp(values.type):
            values = values.cast(pa.timestamp("us", tz=values.type.tz))
        return values.cast(pa.int64())
    if kind == "int":
        return values.cast(pa.int64())
    if kind == "double":
        if pa.types.is_decimal(values.type):
            return pa.array(exact_doubles(values), mask=values.is_null().to_numpy(zero_copy_only=False))
        return values.cast(pa.float64())
    return values.cast(pa.large_string())


def exact_doubles(values):
    """The doubles nearest to decimals of up to 15 digits: pyarrow's own cast may be off by the last bit."""
    values = values.cast(pa.decimal128(38, values.type.scale))
    words = np.frombuffer(values.buffers()[1], np.int64)[2 * values.offset : 2 * (values.offset + len(values)) : 2]
    return words / 10.0**values.type.scale


def hashes(values, kind):
    values = canonical(values, kind)
    if kind == "text":
        encoded = values.dictionary_encode()
        words = encoded.dictionary.to_numpy(zero_copy_only=False)
        table = pd.util.hash_array(words.astype(object), categorize=False) if len(words) else np.zeros(1, np.uint64)
        found = table[encoded.indices.fill_null(0).to_numpy(zero_copy_only=False)]
    else:
        found = pd.util.hash_array(values.fill_null(0).to_numpy(zero_copy_only=False))
    missing = values.is_null().to_numpy(zero_copy_only=False)
    return np.where(missing, NULL, found)


def mixed(columns):
    with np.errstate(over="ignore"):
        row = np.zeros(len(columns[0]), np.uint64)
        for column in columns:
            row = (row ^ column) * np.uint64(0xFF51AFD7ED558CCD)
            row ^= row >> np.uint64(32)
        return int(row.sum(dtype=np.uint64))


def csv_batches(path, kinds):
    def number(convert):
        return lambda text: None if text == "" else convert(text)

    with open(path, newline="", encoding="utf-8") as file:
        reader = csv.reader(file)
        names = next(reader)
        while True:
            rows = list(itertools.islice(reader, BATCH))
            if not rows:
                return
            columns = dict(zip(names, zip(*rows)))
            batch = {}
            for name, kind in kinds.items():
                texts = columns[name]
                if kind == "timestamp":
                    moments = pd.to_datetime(pd.Series(texts), utc=True, format="ISO8601")
                    batch[name] = pa.array(moments.dt.as_unit("us"))
                elif kind == "text":
                    batch[name] = pa.array([text or None for text in texts], pa.large_string())
                else:
                    convert = number(int if kind == "int" else float)
                    batch[name] = pa.array([convert(text) for text in texts])
            yield batch


def parquet_batches(path, kinds):
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(BATCH, columns=list(kinds)):
            yield {name: batch.column(name) for name in kinds}


def avro_batches(path, kinds):
    import fastavro

    with open(path, "rb") as file:
        reader = fastavro.reader(file)
        while True:
            rows = list(itertools.islice(reader, BATCH))
            if not rows:
                return
            yield {
                name: pa.array([row[name] for row in rows], pa.timestamp("us", tz="UTC"))
                if kind == "timestamp"
                else pa.array([row[name] for row in rows], pa.large_string() if kind == "text" else None)
                for name, kind in kinds.items()
            }


READERS = {"csv": csv_batches, "parquet": parquet_batches, "avro": avro_batches}

with open(sys.argv[1], encoding="utf-8") as given:
    work = json.load(given)
rows = 0
total = 0
for one in work["files"]:
    for batch in READERS[one["format"]](one["path"], work["kinds"]):
        rows += len(next(iter(batch.values())))
        total += mixed([hashes(batch[name], kind) for name, kind in work["kinds"].items()])
print(json.dumps({"rows": rows, "sum": f"{total % 2**64:016x}"}))
