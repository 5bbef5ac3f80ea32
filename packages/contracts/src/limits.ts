/** Limits of sizes and numbers for every part of Holdfast. */
export const LIMITS = {
  /** Bytes of one payload, UTF-8. A larger value would block Redis for everybody. */
  payloadBytes: 262_144,
  /** Bytes of one result, UTF-8. */
  resultBytes: 65_536,
  /** Nesting of arrays and objects in a payload. */
  jsonDepth: 64,
  /** Tasks of one batch request. */
  batchTasks: 1_000,
  /** The most tasks of one script call, because `unpack` in Lua fails at 8,000 values. */
  scriptTasks: 500,
  /** Rows of one page. */
  pageTasks: 100,
  /** Bytes of one progress report, UTF-8. The report is rewritten with each log line. */
  progressBytes: 8_192,
  /** Bytes of the checkpoint of a task, UTF-8. */
  checkpointBytes: 65_536,
  /** Largest version of a task. */
  version: 999_999_999,
  /** Durable steps of one task. */
  steps: 1_000,
  /** Bytes of the result of one step, UTF-8. */
  stepResultBytes: 262_144,
  /** Bytes of the results of all steps of one task. */
  stepsBytes: 4_194_304,
  /** Events for which one wait can wait. */
  waitedEvents: 20,
  /** Bytes of the data of one signal, UTF-8. */
  signalBytes: 65_536,
  /** Characters kept of one error, and of one log line. */
  errorCharacters: 1_024,
  /** How long a discard can be undone, ms. */
  undoMs: 600_000,
  /** Most events of tasks that a queue keeps by its setting. */
  events: 100_000_000,
  /** Characters of a cursor of events: it has a part for each partition. */
  cursorCharacters: 16_384,
  /** The longest time that a caller may wait for a result, ms. */
  waitMs: 30_000,
  maxRetries: 100,
  delayMs: 31_536_000_000,
  /** Longest time for which a task says that it is kept, ms. */
  keepMs: 31_536_000_000,
  /** Most completed tasks of one type that their `keep.count` keeps. */
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
  /** Nodes that one node of a flow may come after. */
  nodeAfter: 10_000,
  /** Characters of a query. */
  queryCharacters: 2_000,
} as const;

/** The mark at the end of a cut text, such as an error or a log line. */
export const CUT_MARK = " … (cut)";
