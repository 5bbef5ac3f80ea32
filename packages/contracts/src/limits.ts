/** Limits of sizes and numbers for every part of Holdfast. */
export const LIMITS = {
  /** Bytes of one payload, UTF-8. Larger values would block Redis for all clients. */
  payloadBytes: 262_144,
  /** Bytes of one result, UTF-8. */
  resultBytes: 65_536,
  /** Levels of arrays and objects in a payload. */
  jsonDepth: 64,
  /** Tasks in one batch request. */
  batchTasks: 1_000,
  /** Tasks in one script call, because `unpack` in Lua fails at 8,000 values. */
  scriptTasks: 500,
  /** Tasks in one page of a list. */
  pageTasks: 100,
  /** Bytes of one progress report, UTF-8. It is small, because it is rewritten with each log line. */
  progressBytes: 8_192,
  /** Bytes of the checkpoint of a task, UTF-8. */
  checkpointBytes: 65_536,
  /** The largest version of a task. */
  version: 999_999_999,
  /** Durable steps of one task. */
  steps: 1_000,
  /** Bytes of the result of one step, UTF-8. */
  stepResultBytes: 262_144,
  /** Bytes of the results of all steps of one task. */
  stepsBytes: 4_194_304,
  /** Event names in one wait for a signal. */
  waitedEvents: 20,
  /** Bytes of the data of one signal, UTF-8. */
  signalBytes: 65_536,
  /** Characters that are kept of an error or a log line. */
  errorCharacters: 1_024,
  /** How long a discard can be undone, ms. */
  undoMs: 600_000,
  /** The largest number of events that a queue can be set to keep. */
  events: 100_000_000,
  /** Characters of a cursor of events. It is long, because it has a position for each partition. */
  cursorCharacters: 16_384,
  /** The longest time that a caller may wait for a result, ms. */
  waitMs: 30_000,
  maxRetries: 100,
  delayMs: 31_536_000_000,
  /** The longest `keep` of a task, ms. */
  keepMs: 31_536_000_000,
  /** The largest `keep.count`: completed tasks of one type. */
  keepCount: 10_000,
  timeoutMs: 86_400_000,
  tags: 16,
  tagCharacters: 64,
  partitionKeyCharacters: 256,
  /** Bytes of the key of a task, UTF-8. */
  keyBytes: 128,
  cost: 1_000_000,
  /** The most partitions of one queue. */
  partitions: 256,
  /** Nodes in the `after` of one node of a flow. */
  nodeAfter: 10_000,
  /** Characters of a query. */
  queryCharacters: 2_000,
} as const;

/** The end of a text that was cut, such as a long error or log line. */
export const CUT_MARK = " … (cut)";
