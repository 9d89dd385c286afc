/**
 * Every default and bound, with its unit and why. Nothing else in the code holds a number of this kind.
 */

const KiB = 1024;
const MiB = 1024 * KiB;
const GiB = 1024 * MiB;

// ── listing and batching ────────────────────────────────────────────────────────────────────────────────────────────
/** A read or convert task of many small objects: at most this many, so that one bad batch costs little to repeat. */
export const BATCH_MAX_OBJECTS = 200;
/** … and at most this many bytes, about what one Lambda converts in 20 s. */
export const BATCH_MAX_BYTES = 64 * MiB;
/** A plain CSV larger than this is split in row-aligned ranges of this size. */
export const SPLIT_BYTES = 256 * MiB;
/** Claims, receipts and other small calls under way at once from one step; S3 takes 3,500 puts a second and prefix. */
export const SMALL_CALLS_AT_ONCE = 32;

// ── data set defaults ───────────────────────────────────────────────────────────────────────────────────────────────
/** Children of a Distributed Map under way at once; the older pipelines' `max_workers`. */
export const DEFAULT_WORKERS = 20;
/** Entries of the caches of what repeats; the older pipelines' `cache_size`. */
export const DEFAULT_CACHE_ENTRIES = 128;
/** Rejected rows tolerated in an object: none unless the data set says so. */
export const DEFAULT_TOLERATED_REJECTED_ROWS = 0;
/** Failed objects tolerated, as a share of the run's: others are loaded, but not if every one failed. */
export const DEFAULT_TOLERATED_FAILED_SHARE = 1;
/** A file of a table: large enough for few requests, small enough for one reader task. */
export const DEFAULT_FILE_SIZE_BYTES = 128 * MiB;
/** Rows of a Parquet row group: DuckDB's own 122,880. */
export const DEFAULT_ROW_GROUP_ROWS = 122_880;
/** Replaced files stay this long for readers that planned before the swap. */
export const DEFAULT_GRACE_MINUTES = 60;

// ── reading ─────────────────────────────────────────────────────────────────────────────────────────────────────────
/** Dialect and types are sniffed on this much of the head; as much again from the middle and the end for types. */
export const SNIFF_BYTES = 1 * MiB;

// ── memory and files ────────────────────────────────────────────────────────────────────────────────────────────────
/** The largest object a single copy call takes; above it, parts. */
export const COPY_MAX_BYTES = 5 * GiB;

// ── commit ──────────────────────────────────────────────────────────────────────────────────────────────────────────
/** A log's head is found from a checkpoint and at most this many entries. */
export const LOG_CHECKPOINT_EVERY = 100;
/** A publisher's lease: longer than a Lambda lives (15 minutes), so that no holder is overtaken while it runs. */
export const LOCK_LEASE_SECONDS = 20 * 60;

// ── Avro files ──────────────────────────────────────────────────────────────────────────────────────────────────────
/** Uncompressed bytes of an Avro block: deflate gains nothing more beyond it, and a reader holds one at a time. */
export const AVRO_BLOCK_BYTES = 256 * KiB;
/** Blocks being compressed and written at once for one file: the threads of libuv's pool. */
export const AVRO_BLOCKS_IN_FLIGHT = 4;
/** Deflate's level, 1 to 9: zlib's own default. */
export const AVRO_DEFLATE_LEVEL = 6;
/** A row's bytes at most: readers on the JVM hold a block in one array. */
export const AVRO_MAX_ROW_BYTES = 2 ** 31 - 1;

// ── shuffle ─────────────────────────────────────────────────────────────────────────────────────────────────────────
/** Source bytes that one repartition task sorts and writes, so that it ends within a third of a Lambda's time. */
export const SHUFFLE_BUCKET_BYTES = 512 * MiB;
/** Each convert task writes one file a bucket: more buckets make more, smaller files. */
export const SHUFFLE_MAX_BUCKETS = 256;
/** Files of one task that are fetched, cut or unpacked at once. */
export const FILES_AT_ONCE = 8;

// ── sniffing CSV ────────────────────────────────────────────────────────────────────────────────────────────────────
/** Characters of the head on which every candidate dialect is tried; the winner is then checked on the whole sample. */
export const SNIFF_TRIAL_CHARS = 64 * 1024;
/** A quoted field of more lines than this is taken for a stray quote that opened by accident. */
export const QUOTED_FIELD_MAX_LINES = 200;
/** A column keeps its type though a few values do not fit, among at least this many values … */
export const MISFIT_MIN_VALUES = 1_000;
/** … if no more than this share of them misfit: those are rejected rows, not a reason to turn the column to text. */
export const MISFIT_SHARE = 0.001;
/** A constant scale over fewer decimals than this may be chance, unless one of them ends in a written zero. */
export const DECIMAL_MIN_VALUES = 10;
/** Digits kept free before the decimal sign, since a sample does not show the largest value. */
export const DECIMAL_HEADROOM_DIGITS = 4;
/** Formats named in a reason, so that it stays one readable sentence. */
export const PROFILE_MAX_FORMATS = 4;
