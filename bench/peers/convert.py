"""A peer at work: `convert.py TOOL WORK`, WORK being JSON of `{inputs, formats, kinds, folder, dayOf?}`.

Each tool reads the CSVs with the types that they are to have, nulls for empty fields, and writes Parquet (zstd) and, where asked, Avro
(snappy) into the folder. Prints what `kit/contest.ts` wants as the last line; loading libraries is not counted.
"""
import json
import os
import resource
import sys
import time

tool, work = sys.argv[1], json.loads(sys.argv[2])
inputs, formats, kinds, folder = work["inputs"], work["formats"], work["kinds"], work["folder"]
day_of = work.get("dayOf")
os.makedirs(folder, exist_ok=True)
written = []


def target(name, kind):
    path = os.path.join(folder, f"{name}.{kind}")
    written.append({"path": path, "format": kind})
    return path


def name_of(path):
    return os.path.splitext(os.path.basename(path))[0]


def pandas_frame(path):
    import pandas as pd

    types = {"int": "Int64", "double": "float64", "text": "string"}
    frame = pd.read_csv(
        path,
        dtype={name: types[kind] for name, kind in kinds.items() if kind != "timestamp"},
        parse_dates=[name for name, kind in kinds.items() if kind == "timestamp"],
    )
    return frame


AVRO_TYPES = {
    "int": "long",
    "double": "double",
    "text": "string",
    "timestamp": {"type": "long", "logicalType": "timestamp-millis"},
}


def fastavro_write(frame, path):
    """pandas has no Avro: rows as dicts, some at a time so that they fit into memory, for fastavro's writer."""
    import fastavro
    import pandas as pd

    fields = [{"name": name, "type": ["null", AVRO_TYPES[kind]]} for name, kind in kinds.items()]
    schema = fastavro.parse_schema({"type": "record", "name": "row", "fields": fields})

    def rows():
        for start in range(0, len(frame), 100_000):
            part = frame.iloc[start : start + 100_000].astype(object)
            part = part.where(part.notna(), None)
            yield from part.to_dict("records")

    with open(path, "wb") as file:
        fastavro.writer(file, schema, rows(), codec="snappy", sync_interval=256 * 1024)


def run_pandas():
    for path in inputs:
        frame = pandas_frame(path)
        if "parquet" in formats:
            frame.to_parquet(target(name_of(path), "parquet"), compression="zstd", index=False)
        if "avro" in formats:
            fastavro_write(frame, target(name_of(path), "avro"))


def load_pandas():
    import fastavro  # noqa: F401
    import pandas  # noqa: F401
    import pyarrow.parquet  # noqa: F401


def run_pyarrow():
    """In a stream: no more than some blocks are held."""
    import pyarrow as pa
    import pyarrow.csv as pc
    import pyarrow.parquet as pq

    types = {"int": pa.int64(), "double": pa.float64(), "text": pa.string(), "timestamp": pa.timestamp("ms", tz="UTC")}
    for path in inputs:
        reader = pc.open_csv(
            path,
            read_options=pc.ReadOptions(block_size=16 * 1024 * 1024),
            parse_options=pc.ParseOptions(newlines_in_values=True),
            convert_options=pc.ConvertOptions(
                column_types={name: types[kind] for name, kind in kinds.items()}, strings_can_be_null=True
            ),
        )
        with pq.ParquetWriter(target(name_of(path), "parquet"), reader.schema, compression="zstd") as writer:
            for batch in reader:
                writer.write_batch(batch)


def load_pyarrow():
    import pyarrow.csv  # noqa: F401
    import pyarrow.parquet  # noqa: F401


def run_polars():
    import polars as pl

    types = {"int": pl.Int64, "double": pl.Float64, "text": pl.String, "timestamp": pl.String}
    frame = pl.scan_csv(inputs, schema={name: types[kind] for name, kind in kinds.items()})
    moments = [name for name, kind in kinds.items() if kind == "timestamp"]
    frame = frame.with_columns(
        pl.col(name).str.to_datetime("%Y-%m-%dT%H:%M:%S%.fZ", time_unit="us", time_zone="UTC") for name in moments
    )
    frame.sink_parquet(target("out", "parquet"), compression="zstd")


def load_polars():
    import polars  # noqa: F401


def run_spark():
    from pyspark.sql import types as t

    types = {"int": t.LongType(), "double": t.DoubleType(), "text": t.StringType(), "timestamp": t.TimestampType()}
    schema = t.StructType([t.StructField(name, types[kind]) for name, kind in kinds.items()])
    frame = load_spark.session.read.csv(inputs, schema=schema, header=True, multiLine=True, escape='"')
    out = os.path.join(folder, "spark")
    frame.write.option("compression", "zstd").parquet(out)
    for name in os.listdir(out):
        if name.endswith(".parquet"):
            written.append({"path": os.path.join(out, name), "format": "parquet"})


def load_spark():
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master(f"local[{os.cpu_count()}]").config("spark.driver.memory", "4g")
    builder = builder.config("spark.ui.enabled", "false").config("spark.sql.session.timeZone", "UTC")
    builder = builder.config("spark.sql.parquet.outputTimestampType", "TIMESTAMP_MICROS")
    load_spark.session = builder.getOrCreate()
    load_spark.session.sparkContext.setLogLevel("ERROR")


def spark_cpu():
    """Of the JVM, which is a process of its own."""
    from pathlib import Path

    ticks = os.sysconf("SC_CLK_TCK")
    total = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, fields = stat.read_text().rsplit(")", 1)
            fields = fields.split()
            if name.endswith("(java") and int(fields[1]) in (os.getpid(),):
                total += (int(fields[11]) + int(fields[12])) / ticks
        except OSError:
            pass
    return total


def cpu():
    own = resource.getrusage(resource.RUSAGE_SELF)
    return own.ru_utime + own.ru_stime + (spark_cpu() if tool == "spark" else 0)


globals()[f"load_{tool}"]()
cpu_before = cpu()
start = time.perf_counter()
globals()[f"run_{tool}"]()
seconds = time.perf_counter() - start
cpu_seconds = cpu() - cpu_before
for one in written:
    one["bytes"] = os.path.getsize(one["path"])
print()
print(json.dumps({"seconds": seconds, "cpuSeconds": cpu_seconds, "files": written}))
