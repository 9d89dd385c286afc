/**
 * Every default and bound, with its unit and why. Nothing else in the code holds a number of this kind.
 */

const KiB = 1024;
const MiB = 1024 * KiB;
const GiB = 1024 * MiB;

// ── listing and batching ────────────────────────────────────────────────────────────────────────────────────────────
/** A read task of many small objects: at most this many, so that one bad batch costs little to repeat … */
export const BATCH_MAX_OBJECTS = 200;
/** … and a convert task: larger, since each begins with an engine of its own and ends with files of its own. */
export const CONVERT_MAX_OBJECTS = 700;
/** … and at most this many bytes, about what one Lambda converts in 20 s. */
export const BATCH_MAX_BYTES = 64 * MiB;
/** A plain CSV larger than this is split in row-aligned ranges of this size, or smaller ones where they take long: larger ones leave workers idle. */
export const SPLIT_BYTES = 256 * MiB;
/** Share of a task's time within which ranges are planned to end, by the pace that the last commit measured: three times as slow still ends. */
export const SPLIT_TIME_SHARE = 1 / 3;
/** … but no smaller than this: the start of a task and its calls, a second or two, are little beside it. */
export const SPLIT_MIN_BYTES = 16 * MiB;
/** A task tells how fast rows are converted if it has so many bytes, which are half of the smallest range … */
export const PACE_MIN_BYTES = SPLIT_MIN_BYTES / 2;
/** … or took so long: of others the start is most of the time. */
export const PACE_MIN_MS = 10_000;
/** Claims, receipts and other small calls under way at once from one step; S3 takes 3,500 puts a second and prefix. */
export const SMALL_CALLS_AT_ONCE = 32;

// ── data set defaults ───────────────────────────────────────────────────────────────────────────────────────────────
/** Children of a Distributed Map under way at once; the older pipelines' `max_workers`. */
export const DEFAULT_WORKERS = 20;
/** How often objects are looked for whose event never came: S3's events are late by minutes at times, lost hardly ever. */
export const DEFAULT_SWEEP = 'rate(1 hour)';
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
/** … or so many that their text is of this size: no reader wants more at once, and the engine holds a group or two a thread. */
export const ROW_GROUP_BYTES = 64 * MiB;
/** Replaced files stay this long for readers that planned before the swap. */
export const DEFAULT_GRACE_MINUTES = 60;

// ── reading ─────────────────────────────────────────────────────────────────────────────────────────────────────────
/** Dialect and types are sniffed on this much of the head; as much again from the middle and the end for types. */
export const SNIFF_BYTES = 1 * MiB;
/** Columns of a CSV, each of which takes some KB to find its type: a line of delimiters alone has as many as bytes. */
export const CSV_COLUMNS_MAX = 200_000;

// ── memory and files ────────────────────────────────────────────────────────────────────────────────────────────────
/** The largest object a single copy call takes; above it, parts. */
export const COPY_MAX_BYTES = 5 * GiB;

// ── commit ──────────────────────────────────────────────────────────────────────────────────────────────────────────
/** A log's head is found from a checkpoint and at most this many entries. */
export const LOG_CHECKPOINT_EVERY = 100;
/** Entries of logs, as JSON, that a process keeps, since they never change … */
export const LOG_CACHE_BYTES = 16 * MiB;
/** … and the largest of them: one of a run over very many objects is read again rather than held. */
export const LOG_CACHE_ENTRY_BYTES = 1 * MiB;
/** A run's folder is kept this long for whoever looks into it, and for a void run's successor. */
export const VACUUM_AFTER_HOURS = 24;
/** Memory of what a run wrote once and every task of it reads; larger texts are read each time. */
export const FIXED_CACHE_BYTES = 32 * MiB;
/** A publisher's lease: longer than a Lambda lives (15 minutes), so that no holder is overtaken while it runs. */
export const LOCK_LEASE_SECONDS = 20 * 60;
/** A claim of an object in quarantine is padded to this, so that a listing shows it; others, with two keys at worst, stay below. */
export const QUARANTINED_CLAIM_BYTES = 8 * KiB;
/** So many objects that are not in the ledger make a sweep list the claims before it tries to claim each. */
export const CLAIMS_LISTED_FROM = 32;
/** A run's lease on being the only one: longer than any load. That its execution ended is found out by asking, long before. */
export const RUN_LOCK_LEASE_SECONDS = 24 * 60 * 60;
/** … of which a holder uses so much: no Lambda lives as long, and what runs elsewhere stops by itself. */
export const LOCK_WORK_SECONDS = 16 * 60;

// ── Avro files ──────────────────────────────────────────────────────────────────────────────────────────────────────
/** Uncompressed bytes of an Avro block: deflate gains nothing more beyond it, and a reader holds one at a time. */
export const AVRO_BLOCK_BYTES = 256 * KiB;
/** Blocks being compressed and written at once for one file: the threads of libuv's pool. */
export const AVRO_BLOCKS_IN_FLIGHT = 4;
/** Batches on their way to the thread that encodes Avro: enough that neither it nor the engine waits; each takes some 100 KiB. */
export const AVRO_BATCHES_AHEAD = 8;
/** Rows from which on that thread is worth its start, some 50 ms of a processor. */
export const AVRO_THREAD_MIN_ROWS = 100_000;
/** Target size from which on Avro files are ended by the bytes that are written: some MiB are on their way that are not counted yet. */
export const AVRO_ROLL_MIN_BYTES = 32 * MiB;
/** Deflate's level, 1 to 9. Measured on six tables: 1 to 15% larger than at zlib's default of 6, for half the CPU or less. */
export const AVRO_DEFLATE_LEVEL = 4;
/** A row's bytes at most: readers on the JVM hold a block in one array. */
export const AVRO_MAX_ROW_BYTES = 2 ** 31 - 1;

// ── shuffle ─────────────────────────────────────────────────────────────────────────────────────────────────────────
/** Source bytes that one repartition task sorts and writes, so that it ends within a third of a Lambda's time. */
export const SHUFFLE_BUCKET_BYTES = 512 * MiB;
/** Each convert task writes one file a bucket: more buckets make more, smaller files. */
export const SHUFFLE_MAX_BUCKETS = 256;
/** Files of one task that are fetched, cut or unpacked at once. */
export const FILES_AT_ONCE = 8;

// ── files that are written again ────────────────────────────────────────────────────────────────────────────────────
/** Live Parquet files of a partition that one task writes again without replaced rows or in wider types: some 5 times as much CSV. */
export const REWRITE_TASK_BYTES = 256 * MiB;

// ── sniffing CSV ────────────────────────────────────────────────────────────────────────────────────────────────────
/** Characters of the head on which every candidate dialect is tried; the winner is then checked on the whole sample. */
export const SNIFF_TRIAL_CHARS = 64 * 1024;
/** … or as many as so many lines have, where they are very long. */
export const SNIFF_TRIAL_ROWS = 20;
/** A quoted field of more lines than this is taken for a stray quote that opened by accident. */
export const QUOTED_FIELD_MAX_LINES = 200;
/** Files whose dialect others of the run with the same header may have, that a process remembers … */
export const KNOWN_HEADERS = 32;
/** … and the longest such header: a longer one is no worse, but then a file is read as if none were known. */
export const KNOWN_HEADER_MAX_BYTES = 64 * KiB;
/** Runs of whose files a process remembers that. */
export const KNOWN_RUNS = 2;
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

// ── catalogs ────────────────────────────────────────────────────────────────────────────────────────────────────────
/** Partitions in one BatchCreatePartition; Glue refuses more. */
export const GLUE_CREATE_BATCH = 100;
/** Partitions in one BatchUpdatePartition; Glue refuses more. */
export const GLUE_UPDATE_BATCH = 100;
/** Partitions in one BatchDeletePartition; Glue refuses more. */
export const GLUE_DELETE_BATCH = 25;
/** Partitions on a page of GetPartitions: the most that Glue gives. */
export const GLUE_PAGE = 1_000;
/** Batches under way at once for one table: more only meets Glue's throttling. */
export const GLUE_CALLS_AT_ONCE = 4;
/** Attempts of the SDK at one Glue call; beyond it the state machine's own backoff takes over. */
export const GLUE_CALL_ATTEMPTS = 5;
/** Times that a swap reads Glue back and mends what is not yet as wanted before it gives up as `CatalogConflict`. */
export const GLUE_ROUNDS = 5;
/** Pause before such a mending, in milliseconds, times the number of the round. */
export const GLUE_ROUND_PAUSE_MS = 200;
/** Bytes of a Glue column's comment; longer ones are refused. */
export const GLUE_COMMENT_MAX_BYTES = 255;
/** Attempts at opening lake.duckdb while another process holds it … */
export const LAKE_OPEN_ATTEMPTS = 40;
/** … this many milliseconds apart: 10 s in all, many times what a swap takes. */
export const LAKE_OPEN_PAUSE_MS = 250;
/** Blocks of lake.duckdb, the engine's smallest: it has a handful of rows a table, and with the default every swap would write a megabyte. */
export const LAKE_BLOCK_BYTES = 16 * KiB;
/** Share of the machine's memory that a query over lake.duckdb may take before it spills. */
export const LAKE_MEMORY_SHARE = 0.5;
/** An engine that was made ahead of its use, or a lake's after it, is closed when nobody comes for it for so many milliseconds. */
export const SPARE_DATABASE_IDLE_MS = 60_000;
/** An interrupted engine is told again after so many milliseconds: between two statements it does not hear. */
export const INTERRUPT_AGAIN_MS = 20;
/** Rows in one INSERT into the lake's own tables: keeps a statement's text under a megabyte or so. */
export const LAKE_INSERT_ROWS = 1_000;
/** A line of a published CSV file at most, when it is read back; the engine's own bound of 2 MB is too small for long text. */
export const LAKE_CSV_LINE_BYTES = 16 * MiB;

// ── data sets and requests ──────────────────────────────────────────────────────────────────────────────────────────
/** A column's name in bytes: Glue's and Hive's bound. */
export const COLUMN_NAME_MAX_BYTES = 255;
/** A partition's path in bytes: S3's keys have 1,024, less the table's folder, the generation and the file's name. */
export const PARTITION_PATH_MAX_BYTES = 768;
/** A data set's name in characters: it is part of keys, queue names and execution names (80). */
export const DATASET_NAME_MAX_LENGTH = 63;
/** Children of a Distributed Map that may be asked for at once; Lambda's own default bound for an account. */
export const MAX_WORKERS = 1000;
/** Wrappings around an event (SNS in SQS in Lambda's records) that are opened before it is refused. */
export const EVENT_NESTING_MAX = 8;

// ── tables ──────────────────────────────────────────────────────────────────────────────────────────────────────────
/** Fraction digits that timestamp-millis holds; a finer source makes an Avro table of microseconds. */
export const MILLISECOND_DIGITS = 3;
/** Written to every file's metadata. */
export const TOOL_VERSION = '0.1.0';

// ── object stores ───────────────────────────────────────────────────────────────────────────────────────────────────
/** One ranged GET of a parallel read: S3 advises 8–16 MiB; the wait for its first byte is then small beside it. */
export const RANGE_BYTES = 8 * MiB;
/** Ranges of one download under way at once: S3 gives about 85 MB/s to each, so this many fill a Lambda's network. */
export const RANGES_AT_ONCE = 8;
/** Ranges that a stream reads ahead; it holds at most this many and one more in memory. */
export const STREAM_RANGES_AHEAD = 3;
/** A part of an upload (S3's least is 5 MiB). Larger where S3's bound on the number of parts asks for it. */
export const PART_BYTES = 16 * MiB;
/** Parts of one upload under way at once; each is held in memory while it is sent. */
export const PARTS_AT_ONCE = 4;
/** What uploads of one task hold in memory at once, beside an engine at work: parts of two large files fill a Lambda's network. */
export const UPLOAD_BYTES_AT_ONCE = 128 * MiB;
/** Parts of one upload; S3 refuses more. */
export const MAX_PARTS = 10_000;
/** A part of a copy inside S3: no bytes pass here, and a part this size takes some seconds. */
export const COPY_PART_BYTES = 512 * MiB;
/** Parts of one copy under way at once. */
export const COPY_PARTS_AT_ONCE = 8;
/** Keys in one DeleteObjects; S3 refuses more. */
export const DELETE_BATCH_KEYS = 1_000;
/** Such batches under way at once: S3 takes 3,500 deletes a second and prefix. */
export const DELETE_BATCHES_AT_ONCE = 4;
/** What parallel ranges gather before they write it to the file: few system calls, little memory. */
export const FILE_WRITE_BYTES = 1 * MiB;
/** Credentials of a source's role are asked for this long: what chained roles may have at most. */
export const ROLE_SESSION_SECONDS = 3_600;
/** Keys on a page of a listing: the most that S3 gives. */
export const LIST_PAGE_KEYS = 1_000;
/** A key's length in bytes of UTF-8; S3 refuses more. */
export const KEY_MAX_BYTES = 1_024;
/** Sockets that the process keeps open to S3, for all its stores together; the small calls of two steps and some parts. */
export const STORE_SOCKETS = 128;
/** A connection to S3 stands within this time or is tried again. */
export const STORE_CONNECT_TIMEOUT_MS = 5_000;
/** Silence on a connection, before the answer or in its middle, after which the call is tried again. */
export const STORE_IDLE_TIMEOUT_MS = 30_000;
/** The same for one copy inside S3, which answers when it is done: 5 GB take about a minute. */
export const STORE_COPY_TIMEOUT_MS = 5 * 60_000;
/** Attempts of the SDK at one call, with its own backoff; beyond it the state machine's backoff takes over. */
export const STORE_CALL_ATTEMPTS = 5;
/** Times that a body which broke off is taken up again where it ended. */
export const STORE_BODY_ATTEMPTS = 4;
/** Attempts at a conditional write that S3 could not decide because of another under way at that moment (409) … */
export const STORE_CONFLICT_ATTEMPTS = 4;
/** … after a pause of at most this, doubled each time and drawn at random. */
export const STORE_CONFLICT_PAUSE_MS = 50;

// ── directories as object stores ────────────────────────────────────────────────────────────────────────────────────
/** A name in a folder, in bytes: what ext4, xfs and APFS all take. Longer parts of a key are laid out in pieces. */
export const FILE_NAME_MAX_BYTES = 255;
/** Pause between looks at a key's lock that another process holds; it is held for well under a millisecond. */
export const KEY_LOCK_PAUSE_MS = 2;
/** A lock not got within this time is `ObjectStoreBusy`. */
export const KEY_LOCK_WAIT_MS = 30_000;
/** A lock of a process that cannot be asked (another container or host on the same folder) is taken for left behind. */
export const FOREIGN_LOCK_STALE_MS = 60_000;
/** … and its age is right to so many milliseconds: to say it anew for each of thousands of locks takes as long as to take them. */
export const LOCK_TOUCH_MS = 1_000;
/** Attempts at putting a file into a folder that others remove or make at the same moment. */
export const PLACE_ATTEMPTS = 20;
/** Names given to one file before others have their turn: some milliseconds. */
export const PUT_MANY_AT_ONCE = 64;
/** Files looked at together while a folder is listed; enough to keep the file system busy. */
export const LIST_STATS_AT_ONCE = 256;
/** Bytes of one chunk of a stream: few enough to hold, enough to be read quickly. */
export const STREAM_CHUNK_BYTES = 1 * MiB;
/** A temporary file of a process that cannot be asked is removed after this time. */
export const FOREIGN_SCRATCH_STALE_MS = 24 * 60 * 60_000;
/** A Lambda is ended after this long whatever it does: an execution that ended before then left nothing running. */
export const LAMBDA_MAX_SECONDS = 15 * 60;

// ── Step Functions, and the state machine run locally as it would be there ──────────────────────────────────────────
/** JSON in bytes of UTF-8 that may go into or out of a state; beyond it the execution fails and nothing catches that. */
export const STATE_PAYLOAD_MAX_BYTES = 262_144;
/** Events in one execution's history; beyond it the execution fails. */
export const HISTORY_MAX_EVENTS = 25_000;
/** Children of a distributed Map at once where it gives no bound (0) or none at all. */
export const MAP_MAX_CONCURRENCY = 10_000;
/** Items of an inline Map at once where it gives no bound. */
export const INLINE_MAP_CONCURRENCY = 40;
/** Characters of an error's cause; what is longer is cut. */
export const ERROR_CAUSE_MAX_CHARS = 32_768;
/** The longest Wait, and the longest interval of a retrier. */
export const WAIT_MAX_SECONDS = 99_999_999;
/** The largest `MaxDelaySeconds` of a retrier: 366 days. */
export const RETRY_DELAY_MAX_SECONDS = 31_622_400;
/** The longest `TimeoutSeconds` that runs locally: timers of Node end at 2^31 ms. */
export const LOCAL_TIMEOUT_MAX_SECONDS = 2_147_483;
/** Redraws of the progress bars are at least this far apart; faster than eyes follow only costs time. */
export const PROGRESS_REDRAW_MS = 80;
/** Between two looks at an execution that is followed: seconds after what happened is soon enough, and calls are counted. */
export const FOLLOW_POLL_MS = 2_000;

// ── local ───────────────────────────────────────────────────────────────────────────────────────────────────────────
/** Replaced files leave at once: the catalog is a file of the same machine, and no reader plans minutes ahead. */
export const LOCAL_GRACE_MINUTES = 0;
/** Ranges of a large CSV: one engine converts them one after another, so they need only be small beside memory and disk. */
export const LOCAL_SPLIT_BYTES = 512 * MiB;
/** One of the two buffers by which a part of a file is copied: they fit the processor's cache, and are large beside a call's own cost. */
export const LOCAL_COPY_BYTES = 1 * MiB;

// ── CSV scans and slices ────────────────────────────────────────────────────────────────────────────────────────────
/** One read of a local file that is scanned: fits the processor's cache, and is large beside a read's own cost. */
export const SCAN_CHUNK_BYTES = 1 * MiB;
/** Behind so many records with quotes a scan takes each byte by byte, instead of searching for the next quote. */
export const QUOTED_RUN_RECORDS = 8;
/** Before a range: shows whether it begins at a line's or field's start, or behind an escape. Longer runs of escapes are guessed. */
export const SLICE_LOOKBEHIND_BYTES = 64;
/** A range's state is first judged on this much of its head, some hundred records … */
export const SLICE_JUDGE_BYTES = 256 * KiB;
/** … on four times as much again while no record ends in it, but on no more than this, which is held in memory … */
export const SLICE_JUDGE_MAX_BYTES = 16 * MiB;
/** … and on this many records of each guess. */
export const SLICE_JUDGE_RECORDS = 200;
/** Fetched beyond a range at once, for the record that crosses its end; longer ones are fetched piece by piece. */
export const SLICE_TAIL_BYTES = 64 * KiB;
/** Ranges that one process brings at once, first come first served: the first is ready soon, and the next while that is converted … */
export const SLICES_AT_ONCE = 2;
/** … of which it scans so many: scans share one thread, so two at once are ready no sooner than one behind the other. */
export const SLICES_SCANNED_AT_ONCE = 1;

// ── archives ────────────────────────────────────────────────────────────────────────────────────────────────────────
/** Bytes out of an archive or compressed file for each byte in: CSV stays below 100, bombs reach 229 (deflate at level 1) to 1,030 … */
export const ARCHIVE_MAX_RATIO = 200;
/** … judged only beyond this many bytes out, which do no harm whatever the ratio. */
export const ARCHIVE_RATIO_FREE_BYTES = 128 * MiB;
/** Uncompressed bytes that a ZIP may announce: the largest disk of a Fargate task. */
export const ARCHIVE_MAX_BYTES = 200 * GiB;
/** Files in a ZIP; each is an input of its own. */
export const ZIP_MAX_ENTRIES = 10_000;
/** A ZIP's directory, held in memory: 10,000 entries with names and extra fields of 1.6 KB each. */
export const ZIP_MAX_DIRECTORY_BYTES = 16 * MiB;
/** Memory of the ZIP directories that a process keeps, about 200,000 entries with names of usual length. */
export const ZIP_DIRECTORIES_BYTES = 32 * MiB;
/** One read of a ZIP's directory, where the archive's tail did not hold it. */
export const ZIP_DIRECTORY_READ_BYTES = 1 * MiB;
/** Extra fields of a local header that are read together with it; writers need a few dozen bytes, longer ones cost a read. */
export const ZIP_LOCAL_EXTRA_BYTES = 256;
/** A decoder's output chunk. */
export const INFLATE_CHUNK_BYTES = 256 * KiB;
/** A local execution whose process cannot be asked (another container on the same home) is taken for dead after a day. */
export const FOREIGN_EXECUTION_STALE_MS = 24 * 60 * 60_000;

// ── engine ──────────────────────────────────────────────────────────────────────────────────────────────────────────
/** Memory of a Lambda function, in MiB, for which it is given one processor. */
export const LAMBDA_MB_A_PROCESSOR = 1_769;
/** The engine's share of the machine's memory where nothing else is said: fetched files and Node need the rest. */
export const ENGINE_MEMORY_SHARE = 0.5;
/** DuckDB's own limit, as a share of what the engine may take: its process was seen at 1.6 times its limit. */
export const ENGINE_LIMIT_SHARE = 0.6;
/** … and what each of its threads may take where rows only pass through: with more it keeps what it has read, and is no faster. */
export const STREAMING_BYTES_A_THREAD = 176 * MiB;
/** Batches of inputs converted at once, each with its share of threads and memory: one is read, by one thread, while others are in the engine. */
export const ENGINE_JOBS_AT_ONCE = 3;
/** Inputs of a job whose heads are read, or whose rows are counted, at once: enough to hide the disk behind the counting. */
export const INPUTS_PREPARED_AT_ONCE = 4;
/** A CSV's records are held against a pattern in pieces of this size, and none may be longer: V8 keeps a text up to here among its young objects. */
export const PLAIN_PIECE_BYTES = 64 * KiB;
/** … which is no longer than this: it compiles within some 10 ms, ten times as long in seconds (*measured*). Some 16 timestamps, or 120 whole numbers. */
export const PLAIN_PATTERN_MAX_CHARS = 2_048;
/** A delimiter's bytes at most: the engine takes no longer one. */
export const DELIMITER_MAX_BYTES = 4;
/** A CSV row longer than this is a rejected row; the engine holds two of them a thread. */
export const CSV_ROW_MAX_BYTES = 8 * MiB;
/** Up to here the engine's own count of the rows is believed; where one may be longer, its records are laid out for it one by one. */
export const CSV_SURE_ROW_BYTES = CSV_ROW_MAX_BYTES / 2;
/** What is read of a CSV at once to find the end of its header, which is seldom longer. */
export const CSV_HEAD_CHUNK_BYTES = 16 * KiB;
/** A CSV up to this size is read in one go, its rows counted and, where there are several, put into one file with others for the engine. */
export const SMALL_CSV_MAX_BYTES = 4 * MiB;
/** Such a file's size: the engine opens few, and all its threads have some. */
export const JOINED_PIECE_BYTES = 2 * MiB;
/** What the engine reads of a CSV at once; two longest rows. It holds several: twice this took 300 MB more. */
export const CSV_BUFFER_BYTES = 16 * MiB;
/** A CSV that several threads are not to share is cut into files of this size, each read by one: few buffers, and work for all threads. */
export const CSV_PIECE_BYTES = 16 * MiB;
/** Zstd's level in Parquet, 1 to 22. Measured on trips: 2% larger than at the engine's default of 3, for a tenth of the load's CPU less. */
export const PARQUET_ZSTD_LEVEL = 1;
/** Files that a statement which writes by bucket holds open; more are closed and would get a second file. */
export const PARTITIONED_WRITE_MAX_OPEN_FILES = 1024;
/** Bytes of a rejected row that are kept as its raw text: enough to find and mend it. */
export const REJECT_RAW_MAX_BYTES = 64 * KiB;
/** Characters of a value that a reason quotes. */
export const REJECT_VALUE_MAX_CHARS = 100;
/** Rejected rows that are kept of an input that failed for them: a sample, since none of its rows is loaded. */
export const REJECTS_KEPT_OF_FAILED_INPUT = 10_000;
/** A file's size may differ from the target by this share. */
export const FILE_SIZE_TOLERANCE = 0.25;
/** Rows written once and thrown away to learn how many bytes a row takes in a format. */
export const FILE_SIZE_PROBE_ROWS = 16_384;
/** A file of the wrong size is written again with another number of rows, at most this often. */
export const FILE_SIZE_ATTEMPTS = 8;
/** Text compressed at once for a gzip file; large enough that starting anew costs under a thousandth of the size. */
export const GZIP_PIECE_BYTES = 1 * MiB;
/** Pieces being compressed at once: the threads of libuv's pool. */
export const GZIP_PIECES_IN_FLIGHT = 4;
/** Rows of the engine's vectors: it ends a row group behind a whole one only. */
export const ENGINE_VECTOR_ROWS = 2_048;
/** Chunks that the engine makes before they are asked for, each of 2,048 rows. */
export const CHUNKS_AHEAD = 8;
/** Chunks of the engine between two looks for those that are garbage by now; each takes some 200 KiB. */
export const CHUNKS_A_COLLECTION = 64;
/** Room in V8's heap beyond what is in use that is given back before a part of a large file is converted. */
export const SPARE_HEAP_BYTES = 64 * MiB;
/** Gzip's level, 1 to 9: zlib's own default. */
export const GZIP_LEVEL = 6;
/** Blocks of an Avro file at least, so that its size can be aimed at; a small file's blocks are the smaller. */
export const AVRO_BLOCKS_A_FILE = 16;
/** Closed Avro files that may still be compressing while the next one fills. */
export const AVRO_FILES_CLOSING = 4;
/** Partitions that make one file each are written together, at most so many … */
export const CUT_TOGETHER_FILES = 256;
/** … and at most so many rows, which the engine holds in memory until it writes them. */
export const CUT_TOGETHER_ROWS = 500_000;
/** Where the rows written to learn their size make less than this part of a file, so many times more are written. */
export const FILE_SIZE_PROBE_SHARE = 16;
/** Bytes that the tolerant reader of irregular CSVs parses at a time: of a MiB, the rows would outlive the young generation. */
export const TOLERANT_CHUNK_BYTES = 128 * KiB;
/** Misfits of one writing that are noted while it goes on, and then found by themselves; where there are more, all rows are read again. */
export const MISFITS_LOGGED = 10_000;
/** Rejected rows that are gathered before they are written; each holds up to `REJECT_RAW_MAX_BYTES` of its text. */
export const REJECTS_WRITTEN_AT_ONCE = 256;

// ── preview ─────────────────────────────────────────────────────────────────────────────────────────────────────────
/** Rows shown of a file where no number is asked for: about a screen. */
export const PREVIEW_ROWS = 20;
/** Values of a column of which it is remembered whether they fit its type; then all are forgotten, so that memory is bounded. */
export const PREVIEW_CHECKED_VALUES = 100_000;
/** Of the engine that is asked about single values; some thousand of them at once take little of it. */
export const PREVIEW_ENGINE_BYTES = 256 * MiB;
/** Rejected rows shown to people by default; the file of them has all. */
export const PREVIEW_REJECTS_SHOWN = 5;

// ── clustering kernels ──────────────────────────────────────────────────────────────────────────────────────────────
/** Coordinates lie within ± this: squares of differences, summed over any number of points, are then finite. */
export const COORDINATE_MAX = 1e145;
/** The Earth's mean radius in kilometres (IUGG), for angles as distances. */
export const EARTH_RADIUS_KM = 6371.0088;
/** k-means' clusters where nothing is said; scikit-learn's default. */
export const KMEANS_N_CLUSTERS = 8;
/** k-means' restarts, of which the best is kept. scikit-learn's older default, which the older pipelines ran with. */
export const KMEANS_N_INIT = 10;
/** Iterations of one restart; the older pipelines' bound. */
export const KMEANS_MAX_ITER = 100;
/** A restart ends when the squared shifts of its centres sum up to this share of the mean variance; scikit-learn's default. */
export const KMEANS_TOL = 1e-4;
/** Centres that k-means' breathing adds at once at first: with more, a round costs more than it finds. */
export const KMEANS_BREADTH = 2;
/** Restarts that are bettered by breathing, the best ones: three find what one misses, for a third of what the restarts cost. */
export const KMEANS_BREATHING_STARTS = 3;
/** For few clusters more of them, about so many centres in all: single swaps find no way out there, other restarts do, and it costs little. */
export const KMEANS_BREATHING_CENTRES = 48;
/** Iterations of every restart after which only the best go on … */
export const KMEANS_HEAT_ITER = 4;
/** … at least so many: the order after four iterations is nearly that at the end. */
export const KMEANS_HEAT_WINNERS = 5;
/** Share of `tol` at which the winner ends on the points: parts of them come to rest early, and the rest is a few iterations. */
export const KMEANS_LAST_TOL = 0.1;
/** Places tried for each centre that breathing adds. */
export const KMEANS_BREATH_TRIALS = 10;
/** Parts of the points on which breathing estimates what a centre saves or costs: a round costs little then beside Lloyd's iterations. */
export const KMEANS_SUMMARY_PARTS = 1_024;
/** Points of a tree's node at most that goes to one cluster as a whole while restarts compete: their order is the same, for a quarter of the time … */
export const KMEANS_WHOLE_POINTS = 64;
/** … as long as there are so many parts for each cluster. */
export const KMEANS_PARTS_PER_CLUSTER = 100;
/** Dimensions at most for which k-means runs on a kd-tree; in more, its boxes hold too many centres to save work. */
export const KMEANS_TREE_MAX_DIMENSIONS = 4;
/** Points in a leaf of the kd-tree: measured best of 8 to 64, within 10% of each other. */
export const KD_TREE_LEAF_POINTS = 16;
/** Points up to which the silhouette is computed of every point; above it, of a sample, whose cost grows with the points alone. */
export const SILHOUETTE_EXACT_MAX_POINTS = 20_000;
/** Points of that sample, shared out over the clusters: a 95% interval of about ±0.01. */
export const SILHOUETTE_SAMPLE_POINTS = 4_000;
/** Of each cluster at least this many (or all it has), so that its spread is known. */
export const SILHOUETTE_SAMPLE_LEAST = 30;
/** Clusters up to which every pair is measured once and counted for both; with more, leaving clusters out by their centroid saves more. */
export const SILHOUETTE_SYMMETRIC_MAX_CLUSTERS = 4;
/** DBSCAN's radius and neighbours of a core point where nothing is said; scikit-learn's defaults. */
export const DBSCAN_EPS = 0.5;
export const DBSCAN_MIN_SAMPLES = 5;
/** Dimensions up to which DBSCAN finds neighbours on a grid; beyond, a cell has more neighbours than most data has points. */
export const DBSCAN_GRID_MAX_DIMENSIONS = 4;
/** Points in more dimensions, which DBSCAN compares pair by pair: 1.25 billion pairs, some ten seconds. */
export const DBSCAN_PAIRWISE_MAX_POINTS = 50_000;
/** Edges of one chunk of the edge store: 4 MiB, little beside any graph for which memory matters. */
export const EDGE_CHUNK_EDGES = 512 * 1024;
/** Clusters that a hierarchy is cut into where nothing is said; scikit-learn's default. */
export const LINKAGE_N_CLUSTERS = 2;
/** Least steepness, as a share, that OPTICS takes for the edge of a cluster; scikit-learn's default. */
export const OPTICS_XI = 0.05;
/** Points whose pairs OPTICS measures all, where no radius bounds them: 1.25 billion pairs, some ten seconds. */
export const OPTICS_ALL_PAIRS_MAX_POINTS = 50_000;
/** Edges that OPTICS holds at both of their ends, 24 bytes an edge: 2.4 GB. */
export const OPTICS_GRAPH_MAX_EDGES = 100_000_000;
/** Points of a hierarchical clustering, whose distances are all held: 256 MB of them. */
export const LINKAGE_MAX_POINTS = 8_000;

// ── lightning ───────────────────────────────────────────────────────────────────────────────────────────────────────
/** Bytes of a granule at most, which is read in memory: real ones have one, in the greatest storms a few. */
export const GLM_MAX_BYTES = 64 * MiB;

// ── distances ───────────────────────────────────────────────────────────────────────────────────────────────────────
/** Bytes of a line of a distance list at most: two keys and a number. */
export const DISTANCE_LINE_MAX_BYTES = 64 * KiB;

// ── quarantine ──────────────────────────────────────────────────────────────────────────────────────────────────────
/** An object up to this size is copied within S3, in parts of its own; a larger one would take most of a Lambda's time. */
export const QUARANTINE_COPY_MAX_BYTES = 50 * GiB;
/** One of a store that ours cannot copy from (public, another account's) goes through the function's disk of 512 MiB. */
export const QUARANTINE_FETCH_MAX_BYTES = 256 * MiB;

// ── the worker outside Lambda ───────────────────────────────────────────────────────────────────────────────────────
/**
 * Compressed bytes of what cannot be split that a function converts within a third of its time: about 8 times as much text,
 * at 20 MB/s (a tenth of what was measured on two cores with more memory). Beyond, it is a container's where there is one.
 */
export const FUNCTION_UNSPLIT_MAX_BYTES = 768 * MiB;
/** Seconds between two signs of life of a task that a state waits for: a tenth of what the state allows. */
export const WORKER_HEARTBEAT_SECONDS = 60;
/** Characters of a failure's cause: Step Functions' most. */
export const TASK_CAUSE_MAX_CHARACTERS = 32_768;

// ── clusters of a run ───────────────────────────────────────────────────────────────────────────────────────────────
/** Clusters that k-means is tried with where nothing is said: 1 … 23, as the older pipelines did. */
export const CLUSTER_K_MAX = 23;
/** … and where something is said, at most: each is a task of its own. */
export const CLUSTER_K_MOST = 200;
/** Points that a map shows one by one; of more, a sample of so many. */
export const MAP_MAX_POINTS = 6_000;
/** Edges that are held before they go to disk: a MiB of them. */
export const GRAPH_BUFFER_EDGES = 64 * 1024;

// ── reports ─────────────────────────────────────────────────────────────────────────────────────────────────────────
/** Sources, and clusters, that a run's page lists one by one: of more it says how many. */
export const REPORT_MAX_SOURCES = 200;

// ── calls of a run ──────────────────────────────────────────────────────────────────────────────────────────────────
/**
 * Object store calls of a load of small objects in two formats, at most: so many an object (claimed, described, fetched), so many a
 * partition (each file stored and copied to its place) and so many a run. Held by a test; measured: 4, 4 and 79.
 */
export const CALL_BUDGET = { anObject: 5, aPartition: 5, aRun: 82 };
