// Reads a load from environment variables. It does no I/O, so that a test can check each message.

const number = (text) => (/^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN);
const UNIT_SECONDS = { s: 1, m: 60, h: 3_600, d: 86_400 };

/**
 * The variables. `or` is the default value. If a variable with `isFree` is left out, the model chooses its value. All
 * other variables are required.
 */
const FIGURES = {
  RATE: { field: "rate", what: "tasks per second", from: 1, to: 10_000_000 },
  PAYLOAD: { field: "payload", what: "bytes of a payload", from: 2, to: 262_144, or: 500 },
  HANDLER_MS: {
    field: "handlerMs",
    what: "ms that a handler takes, waits included",
    from: 0,
    to: 86_400_000,
    or: 20,
  },
  HANDLER_CPU_MS: {
    field: "handlerCpuMs",
    what: "ms of CPU time that a handler uses",
    from: 0,
    to: 86_400_000,
    or: 0,
  },
  PARTITIONS: {
    field: "partitions",
    what: "partitions of each queue; 1 means that it is not partitioned",
    from: 1,
    to: 256,
    whole: true,
    isFree: true,
  },
  NODES: { field: "nodes", what: "nodes of the Cluster", from: 1, to: 1_000, whole: true, isFree: true },
  EVEN: {
    field: "even",
    what: "1 if somebody moves Cluster slots until all nodes are equally full",
    from: 0,
    to: 1,
    whole: true,
    or: 0,
  },
  QUEUES: { field: "queues", what: "queues with the same load", from: 1, to: 100_000, whole: true, or: 1 },
  BATCH: {
    field: "batch",
    what: "tasks that producers enqueue together",
    from: 1,
    to: 1_000_000,
    whole: true,
    or: 100,
  },
  CONCURRENCY: {
    field: "concurrency",
    what: "slots of a worker process",
    from: 1,
    to: 5_000,
    whole: true,
    or: 50,
  },
  BACKLOG_S: {
    field: "backlogS",
    what: "seconds of load that may wait in Redis",
    from: 0,
    to: 31_536_000,
    or: 60,
  },
  KEYS: {
    field: "keys",
    what: "keys, each with the same load; 0 for none",
    from: 0,
    to: 100_000_000,
    whole: true,
    or: 0,
  },
  KEY_CONCURRENCY: {
    field: "keyConcurrency",
    what: "tasks of one key that may run at a time; 0 for no limit",
    from: 0,
    to: 1_000_000,
    whole: true,
    or: 0,
  },
  RTT_MS: {
    field: "rttMs",
    what: "ms of a round trip between a worker and Redis",
    from: 0,
    to: 1_000,
    or: 0.5,
  },
  NETWORK_GBIT: {
    field: "networkGbit",
    what: "Gbit/s of the network of a node",
    from: 0.001,
    to: 1_000,
    or: 10,
  },
  BUSY: { field: "busy", what: "share of a core that the plan may use", from: 0.05, to: 0.95, or: 0.6 },
};
const RETENTION =
  "RETENTION has to be a number of tasks that each part of a queue keeps (RETENTION=10000) or a time (RETENTION=24h; s, m, h, d)";

function readRetention(text = "10000") {
  const [, count, unit] = /^(\d{1,12})([smhd]?)$/.exec(text) ?? [];
  if (count === undefined) return { problem: `${RETENTION}, got "${text}"` };
  return unit ? { seconds: Number(count) * UNIT_SECONDS[unit] } : { tasks: Number(count) };
}

/**
 * Returns the input of the model, and a message for each bad variable.
 * @param env the environment; an empty variable counts as not set
 */
export function readInput(env) {
  const input = {};
  const problems = [];
  for (const [name, { field, what, from, to, or, whole, isFree }] of Object.entries(FIGURES)) {
    const text = env[name] || undefined;
    const value = text === undefined ? or : number(text);
    const range = `from ${from.toLocaleString("en-US")} to ${to.toLocaleString("en-US")}`;
    const isIn = value >= from && value <= to && (!whole || Number.isInteger(value));
    if (isIn || (text === undefined && isFree)) input[field] = value;
    else if (text === undefined)
      problems.push(`${name} is missing: set it to the ${what}, ${range}, for example ${name}=50000`);
    else
      problems.push(
        `${name} has to be ${whole ? "a whole number" : "a number"} ${range} (${what}), got "${text}"`,
      );
  }
  const { problem, ...retention } = readRetention(env.RETENTION || undefined);
  if (problem) problems.push(problem);
  if (input.handlerCpuMs > input.handlerMs)
    problems.push(
      `HANDLER_CPU_MS cannot be more than HANDLER_MS (${input.handlerMs}), got "${input.handlerCpuMs}"`,
    );
  if (input.keyConcurrency > 0 && input.keys === 0)
    problems.push("KEY_CONCURRENCY needs KEYS, the number of keys, as in KEYS=100");
  return { input: { ...input, retention }, problems };
}

/** Returns a line of help for each variable. */
export const figureLines = () => [
  ...Object.entries(FIGURES).map(
    ([name, { what, or, isFree }]) =>
      `  ${name.padEnd(16)}${what} (${isFree ? "chosen by the model if not set" : or === undefined ? "required" : `default ${or}`})`,
  ),
  `  ${"RETENTION".padEnd(16)}completed tasks that each part of a queue keeps, or a time such as 24h (default 10000)`,
];
