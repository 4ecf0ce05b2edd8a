// Every number that bounds something, with its unit and its reason. Wire limits of one dialect
// only (text lengths, list sizes) stand in that dialect's tables.

/** Body of one SQLite row. The platform refuses rows above 2 MB (2,000,000 bytes, all columns). */
export const rowBodyBytesMax = 1_900_000;

/** Rows that one body may take: 10 MiB of data, 1 KiB of key, header. */
export const bodyRowsMax = 8;

/** A chunk of several records. Below a row, so that a commit of many records is one row. */
export const chunkBytesMax = rowBodyBytesMax;

/** Records in one chunk that a Worker sends: what the engine's pack takes at once. */
export const chunkRecordsMax = 8192;

/** Data and partition key of one record: the largest maximum that Kinesis lets a stream have. */
export const recordBytesMax = 10_485_760;

/** The same until its stream is given another maximum: as Kinesis has it. */
export const recordBytesDefault = 1_048_576;

/** Partition key: 256 characters of up to four bytes in UTF-8. */
export const keyBytesMax = 1024;

/** Client info of v3io: 128 bits. */
export const infoBytesMax = 16;

/** Record data and keys of one page: Kinesis and v3io both say 10 MB. */
export const pageBytesMax = 10_485_760;

/** A page whose text may be longer is printed while it is sent: what the engine prints at once. */
export const pageBufferBytesMax = 4 * 1024 * 1024;

/** The most that one record adds to a page beside key and data, which base64 makes a third longer. */
export const recordTextBytes = 384;

/** What one record adds at least, in the longest format, Kinesis JSON. */
export const recordTextBytesMin = 150;

/** A shorter page is handed to the platform, which keeps a copy of it for a while. */
export const replyBytesMin = 32 * 1024;

/**
 * The same for replies that are no pages, such as those of PutRecords: 500 records have 55 KB. To make them, more
 * garbage is made than such a copy, so V8 collects both.
 */
export const replyCopyBytesMax = 128 * 1024;

/** A part of a reply while memory is short: a client that takes none within a lease's time stands still. */
export const replyPartBytes = 256 * 1024;

/**
 * A part of a reply while half of the memory for pages is free: each one costs 0.1 ms, so a usual page is sent
 * as a whole. Its client has as many times longer for it as it is larger.
 */
export const replyPartBytesMax = 1792 * 1024;

/** Records of one page: Kinesis GetRecords. */
export const pageRecordsMax = 10_000;

/**
 * Bytes that a shard holds for commits to come. More is refused with the dialect's throughput
 * error at once, before the platform queues without bound and ends the object.
 */
export const pendingBytesMax = 16 * 1024 * 1024;

/** The same for all shards of an isolate together. */
export const isolatePendingBytesMax = 40 * 1024 * 1024;

/** A put above that makes its own call of the shard: the call by itself is little of what it costs. */
export const jointPutBytesMax = 64 * 1024;

/**
 * Segments of pages that were found for calls of the front's WebSocket, and that wait to be sent. The request that a page
 * waits for comes within a millisecond.
 */
export const leftRepliesBytesMax = 64 * 1024 * 1024;
export const leftReplyMsMax = 2000;

/** Answers of one message to the front. A client that does not read its own keeps all of the message in memory. */
export const answersBytesMax = 256 * 1024;

/** What waits for the next joint call of a shard: a sixteenth of what the shard takes. More goes by itself. */
export const jointCallBytesMax = 1024 * 1024;

/**
 * How long puts wait for a request that is to make their call, or makes one for itself alone: it may have ended. A
 * commit takes 1 to 20 ms; on a disk that takes longer the next put leads, and its call is waited for.
 */
export const jointTurnMs = 50;

/** How long they wait for the answer to a joint call: longer than any commit, shorter than clients wait. */
export const jointAnswerMs = 30_000;
/** Memory of the engine: its windows, and the texts of four pages on their way to clients. */
export const engineBytes = 13.5 * 1024 * 1024;

/**
 * Chunks and segments that an isolate keeps in memory, for all its shards and readers. Of the 128 MB
 * that the platform allows, the engine takes 13.5, pending commits at most 40, and pages in hand 24.
 */
export const bodyCacheBytesMax = 26 * 1024 * 1024;

/** Segments that pages of an isolate load at once, and the text of its pages on their way out. */
export const pageMemoryBytesMax = 24 * 1024 * 1024;

/**
 * Pages that take longer to load are not counted any more: whoever asked may be gone. A reply whose
 * client takes nothing for so long is given up when others wait for its memory.
 */
export const pageMemoryLeaseMs = 10_000;

/**
 * Chunks of this size together are handed to a shard in the same isolate, not copied; how much may be on its way to all shards,
 * which is counted with the bodies that they come from, and for how long.
 */
export const handedBytesMin = 64 * 1024;
export const handedBytesMax = 32 * 1024 * 1024;
export const handedMsMax = 10_000;

/** The size at which a tail is sealed: a page of 1 MiB then touches one or two segments. */
export const segmentBytes = 1024 * 1024;

/**
 * A chunk of this size is a segment as it is: merging it would write it twice. A put of 500 records
 * of a kilobyte is well above, whichever kilobyte is meant.
 */
export const segmentBytesMin = 384 * 1024;

/** A tail below this is not sealed to let a large chunk be a segment; the chunk joins it instead. */
export const tailBytesWorthSealing = 128 * 1024;

/** Chunks of a tail: what the engine merges at once. */
export const tailChunksMax = 8192;

/** Age of the tail's oldest record at which the alarm seals it. */
export const sealAgeMs = 600_000;

/** Sealed bytes, rows and share of the retention time after which a new generation is begun. */
export const generationBytes = 8 * 1024 * 1024;
export const generationRowsMax = 4096;
export const generationsPerRetention = 24;

/** How long a Worker uses what it knows of a shard's view; older than half of it, it asks again. */
export const viewTtlMs = 1000;

/** Shards whose view an isolate keeps, and whose readers' lags. */
export const viewsMax = 10_000;

/** Half of the time for which the lag of a reader is told. */
export const lagSpanMs = 30_000;

/** Readers of a shard whose lag an isolate keeps: more than the consumers that the service allows. */
export const lagReadersMax = 64;
/**
 * How long readers of the same isolate use what a shard has said of its end (core/publishedTips.ts). If the
 * object has ended in the middle of a commit, readers find out after that time whether it took place.
 */
export const tipTtlMs = 1000;

/** Shards that readers need not ask. Each takes about 10 KB. */
export const nextDoorShardsMax = 1000;

/** Shards that take calls from memory at once: the object of each stays awake. */
export const nearShardsMax = 256;

/** One that was not called for so long is let go, and after twice that at the latest. */
export const nearIdleMs = 5000;

/** The last chunks and segments of a shard that such readers find. */
export const recentBodiesMax = 64;

/** Segments of a shard that readers pass over: they are a part of its row, 60 bytes each. */
export const skippedSegmentsMax = 1000;

/** How long a staged segment waits for the next commit to move it along: a call of its own costs a third of a put. */
export const adoptionWaitMs = 20;

/** Of how many staged segments readers know the names: the last gigabytes. Each takes 300 bytes. */
export const stagedSegmentsMax = 4096;

/** When a move to R2 that failed is tried again. */
export const tierRetryMs = 30_000;

/** The alarm rests at least this long, so that work it cannot finish does not keep a shard awake. */
export const alarmDelayMsMin = 1000;

/**
 * How much longer what has expired is kept when no alarm was set for that time: the clock may have
 * been set forward by mistake, and is right again by then.
 */
export const forgetDelayMs = 600_000;

/** Segments fetched at once for one page: connections that the platform lets a Worker have open at once. */
export const segmentFetchesMax = 6;

/** A shorter text costs the front as much as it spares the Worker. */
export const frontPageBytesMin = 64 * 1024;

/** Copies of segments that the front of the local server keeps, in its engine, to print pages of them. */
export const frontBytesMax = 48 * 1024 * 1024;

/** Segments of which is counted how often they were printed. */
export const frontCountsMax = 4096;

/** A copy at the front is kept so long after its last use: an order for it may be on its way. */
export const frontKeepMs = 2000;

/** Segments of one page: 10 MB of the smallest that puts alone make, and some. The page ends there. */
export const pageSegmentsMax = 96;

/** How long a Worker trusts a stream's description. A stale one costs a retry. */
export const descriptionTtlMs = 3000;

/** Descriptions of streams that an isolate keeps, and keys of scopes. */
export const descriptionsMax = 1000;

/** Largest ordinal within a millisecond: v3io prints it as nanoseconds of that millisecond. */
export const timeOrdinalMax = 999_999;

/**
 * Attributes in one page of items, as JSON. A message between objects has at most 32 MiB (Workers RPC), in which
 * text may take twice as much; less is kept in memory by an isolate that has 128 MB for all its requests.
 */
export const itemPageBytesMax = 4 * 1024 * 1024;

/** Bytes of the values that one expression may name or compute: a row's eight times over. Some tenths of a second. */
export const expressionBytesMax = 16 * 1024 * 1024;

/** What one call reads of a directory before it lets others have a turn: some tenths of a second of work. */
export const itemScanRowsMax = 10_000;
export const itemScanBytesMax = 32 * 1024 * 1024;
/** Bytes that a filter names or computes. To look for a text in them takes several times as long as to read them. */
export const itemScanWorkBytesMax = 8 * 1024 * 1024;

/** The same for directories of streams. */
export const directoryRowsMax = 10_000;

/** Stored descriptions that the catalog reads for one page of a listing, for the same reasons. */
export const streamPageBytesMax = 8 * 1024 * 1024;

/** Age at which a Kinesis or Yandex shard iterator expires. */
export const iteratorTtlMs = 300_000;

/**
 * HTTP request body: 10 MiB of records and keys, which are 14 MB in base64 (AWS API reference, PutRecords),
 * and the names around them.
 */
export const requestBodyBytesMax = 16 * 1024 * 1024;

/** Body of PutMetricData, packed and unpacked: CloudWatch takes 1 MB (quotas of CloudWatch). */
export const metricBodyBytesMax = 2 * 1024 * 1024;

/**
 * Bodies that an isolate holds at once, from their first byte to the reply: two of the largest. They share
 * the 128 MB with what is listed above. More of them wait.
 */
export const bodiesBytesMax = 2 * requestBodyBytesMax;

/** Of a GET: workerd reads as much before it closes a connection, so that the reply arrives. */
export const unreadBodyBytesMax = 64 * 1024;

/** So much of every body is not counted, so that a small request never waits for large ones. */
export const bodyFreeBytes = 64 * 1024;

/** How long a body waits for room until its request is refused with the dialect's throughput error. */
export const bodyWaitMsMax = 20_000;

/** How long a body may take in all: 16 MB at 2 Mbit/s. */
export const bodyMsMax = 60_000;

/** How long nothing of a body may come, and how long a small one may take in all. */
export const bodyIdleMsMax = 10_000;

/**
 * While others wait for room, a body has this long, and a second more for every mebibyte: whoever is slower is
 * cut off, or a few slow clients would keep everybody else waiting.
 */
export const bodyGraceMs = 2000;

/** A body of at most this size is of usual size: a PutRecords of 500 records of 1.5 KB. */
export const bodyUsualBytes = 1024 * 1024;

/** The largest body whose memory is used again, and how much such memory waits for the next bodies. */
export const reusedLargestBytes = 2 * bodyUsualBytes;
export const reusedBytesMax = 6 * 1024 * 1024;

/** Room that only bodies of usual size take, so that they do not wait for large ones. */
export const bodiesUsualBytesMax = 4 * bodyUsualBytes;

/** While others wait for room, less than this in a second (half a megabit) is too slow. */
export const bodyRateBytesMin = 64 * 1024;

/** How often a body that is being read or used says so; after three times as long its room is free again. */
export const bodyTickMs = 1000;

/**
 * Items of a request's body: members, elements and values, however deep. A v3io PutRecords of 1000 records has
 * 9000, and a list that is many times too long is still read, so that its own error can be given. A body of
 * 16 MB could hold 16 million, which take seconds and hundreds of megabytes to build.
 */
export const requestItemsMax = 100_000;

/** Shards that one stream may have: v3io's limit, the largest of the dialects'. */
export const shardsMax = 4096;

/**
 * Shards that a header lists: at most 6 kB of numbers. Clients take 16 kB of headers (Node) or 8 kB (proxies), and fail
 * at a longer reply.
 */
export const shardsToldMax = 1000;

/** Shards that a stream may list, open and closed: its description is one row of at most 2 MB. */
export const listedShardsMax = 6000;

/** How often a put follows shards that were closed under it before it gives up. */
export const reroutesMax = 5;

/** Open shards of an account in one region: as many as the largest Kinesis regions give. */
export const accountShardsMax = 20_000;

/** On-demand streams of an account in one region: as many as its shards are enough for, four each. */
export const onDemandStreamsMax = 5000;

/** Tags of one resource (AWS API reference, TagResource). */
export const tagsMax = 50;

/** Consumers registered with one stream (AWS API reference, RegisterStreamConsumer). */
export const consumersMax = 20;

/** The same for an on-demand stream of an account with a commitment: On-demand Advantage. */
export const advantageConsumersMax = 50;

/** The same for consumers registered through the Yandex face, whose clients use far more of them. */
export const yandexConsumersMax = 200;

/** Times of encryption that a stream remembers: a description is one row. Kinesis lets 25 begin in a day. */
export const encryptionSpansMax = 100;

/** Streams, or consumers of one stream, that the service lets be CREATING at once. */
export const creationsMax = 5;

/** How long the name of a stream or consumer that is gone is remembered with its second of creation. */
export const creationMemorySeconds = 3600;

/** How soon a control-plane change that was cut off is taken up again. */
export const resumeDelayMs = 10_000;

/** Readers that may wait for one shard's next record: its stream's consumers, and some that come and go. */
export const waitersMax = 256;

/** Objects that an isolate of the local server knows to have been written to: a name each, of 100 bytes at most or so. */
export const writtenObjectsMax = 10_000;

/** A pattern: twice what AWS Lambda allows for one of its own, and well below what a header may have. */
export const patternCharactersMax = 8192;

/** Objects and arrays of a pattern within one another. */
export const patternDepthMax = 32;

/** Conditions of a pattern on fields and objects: each has a bit in a word of the engine. */
export const conditionsMax = 64;

/** Comparisons of a pattern but for texts that a value may equal: so many may be made for each value of a record. */
export const matchersMax = 64;

/** A compiled pattern: what the engine has room for. */
export const programBytesMax = 128 * 1024;

/** Idempotent producers that a shard remembers, and how long after their last append (Durable Streams, 5.2.1). */
export const producersMax = 10_000;
export const producerIdleMsMax = 7 * 24 * 3_600_000;

/** Id of a producer. */
export const producerIdBytesMax = 256;

/**
 * First records of a new stream that wait in the catalog's row until the stream is used. Listings read
 * such rows, so they stay small.
 */
export const unopenedBytesMax = 4096;

/** Streams whose shards an isolate keeps in mind without asking the catalog again: 300 bytes each. */
export const knownStreamsMax = 20_000;

/** The longest retention that Kinesis and v3io know; a stream of Durable Streams, which keeps everything, is shown with it. */
export const retentionHoursMax = 8760;

/** How long a Worker waits at a shard for the next records, for all its live readers; shorter than a request may last after its client has left. */
export const liveCallMs = 15_000;

/** Payload of one batch for live readers, and how many batches an isolate keeps of a shard for readers that are writing: 4 MB. */
export const livePageBytesMax = 256 * 1024;
export const liveBatchesKept = 16;

/** How long a long poll waits (the protocol leaves it open; its reference server waits 30 s), and the most that can be set. */
export const longPollMsDefault = 20_000;
export const longPollMsMax = 55_000;

/** How often an idle SSE reader hears something, and how long its connection lasts: intermediaries end idle and long ones. */
export const sseKeepAliveMs = 15_000;
export const sseConnectionMs = 60_000;

/** Payload of a page of Durable Streams, small enough for caches and phones. */
export const durablePageBytesMax = 1024 * 1024;

/** How long a signed address of a stream is good at most: a week, as presigned addresses of AWS are. */
export const signedUrlSecondsMax = 604_800;

/** What a scan loads and looks at before other requests run: a millisecond or so of work. */
export const scanStepBytes = 1024 * 1024;

/**
 * Work of the scanner in one turn of the isolate, in bytes that are looked at and steps that take as long: about five
 * milliseconds where each byte takes its time.
 */
export const scanTurnWork = 4 * 1024 * 1024;

/** What a page of selected records looks at: then it ends, also if it has found nothing. */
export const scanBytesMax = 64 * 1024 * 1024;

/** The same in time: clients wait for a reply, and some for no longer than a second or two. */
export const scanMsMax = 1000;

/** Records that a scan over HTTP prints at once, in bytes before they are printed. */
export const scanReplyBytes = 1024 * 1024;

/** How often a scan that finds nothing says how far it is. */
export const scanProgressMs = 1000;

/**
 * Distinct keys of a segment for which a filter is made: 140 KB. A segment of 1 MiB has more only if its records have
 * eight bytes, and such segments are read.
 */
export const filterKeysMax = 120_000;

/** Filters of one generation: beside them its row has its list of segments, and a row has 2 MB. */
export const filtersBytesMax = 1_000_000;

/**
 * Filters of a shard's segments that have moved and whose generation is not closed. A generation of records of 100 bytes
 * has 100 KB; those above the bound are made later, from bytes that are read again.
 */
export const filtersReadyBytesMax = 256 * 1024;

/** Records whose keys are hashed in one turn of a shard: a millisecond or two. */
export const filterTurnRecords = 4096;

/** Filters that a shard sends at once, and those that an isolate keeps for scans: about those of ten gigabytes. */
export const filterReplyBytesMax = 1024 * 1024;
export const filterReplyGenerationsMax = 256;
export const filterCacheBytesMax = 16 * 1024 * 1024;

/** What a scan loads while it looks at what it has: as much as six segments of usual size. */
export const scanAheadBytes = 6 * 1024 * 1024;

/** Segments that a bucket looks at for one call, and calls that a scan makes ahead of the one it needs. */
export const screenSegments = 16;
export const screenAhead = 2;

/** After so many segments, of which half must be read all the same, a bucket is not asked any more. */
export const screenTrials = 32;

/** Shards of a stream whose ends a scan asks for at once: calls to their objects, which are short. */
export const scanShardsAhead = 16;

/** Segments read at once by a scan for keys, which knows which ones it needs. */
export const scanSegmentsMax = 4;

/** Stretches of time of one histogram: ten weeks of minutes, or eleven years of hours. */
export const histogramBucketsMax = 100_000;
/** Runs of a queue's state in one row: 39 bytes each at most, so that the row has less than 1.9 MB. */
export const queueRowRuns = 48_000;

/** Changes of a queue that are stored beside its state: what is read when its object starts. */
export const queueChangesMax = 1024;

/** Records of a queue in flight (AWS developer guide, "Queues quotas"). */
export const queueInFlightMax = 120_000;

/**
 * After this time, what receives have changed is stored even if nothing is acknowledged: an object
 * that nobody calls is evicted after ten seconds, and must not make its records visible again.
 */
export const queueSaveDelayMs = 5000;

/** When waiting readers are called again for records that those who were called first did not take. */
export const queueRecallMs = 50;

/** Readers that may wait at one queue over a shard: its workers, and some that have gone. */
export const queueWaitersMax = 4096;

/** Shards of a queue at which one receive waits at once. */
export const queueShardsMax = 64;

/** Records of one receive (AWS API reference, ReceiveQueueRecords). */
export const queueReceiveMax = 10;
/**
 * How long a call waits for an object that moves to another instance: an instance that dies keeps
 * its lease for 20 seconds (workerd.capnp, ClusterConfig).
 */
export const movingMsMax = 28_000;

/**
 * How long one of these calls is waited for before it is made again. One that was on its way to an instance which is frozen is
 * answered when that goes on, which may be never; calls that are made after its lease has run out reach the next owner.
 */
export const movingAnswerMs = 5000;

/** The same for a call that may take long, or must not be made again: to delete a stream, for example. */
export const movingLongAnswerMs = 60_000;

/** The first pause between two attempts; it doubles up to eight times as much. */
export const movingPauseMs = 50;
