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
