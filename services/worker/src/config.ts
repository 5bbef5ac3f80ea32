import { LIMITS } from "@holdfast/contracts";
import { metricsConfig, OneOf, redisConfig, StartupError, tracingConfig } from "@holdfast/service";
import { type Static, Type } from "typebox";

const QUEUE = "[A-Za-z0-9][A-Za-z0-9_.-]{0,63}(=[1-9]\\d{0,2})?";

export const configSchema = Type.Object({
  QUEUES: Type.String({
    default: "default",
    pattern: `^${QUEUE}(,${QUEUE})*$`,
    description: "Queues to work on, separated by commas, with optional weights: `critical=6,default=3`.",
  }),
  QUEUE_ORDER: OneOf(["weighted", "strict"], {
    default: "weighted",
    description:
      "`strict`: a queue gets slots only while the queues before it in `QUEUES` have no waiting tasks. `QUEUES` then has no weights.",
  }),
  WORKER_CONCURRENCY: Type.Integer({
    default: 50,
    minimum: 1,
    maximum: 5_000,
    description: "Tasks that run at a time.",
  }),
  LEASE_MS: Type.Integer({
    default: 30_000,
    minimum: 1_000,
    maximum: 3_600_000,
    description: "How long a task stays leased to this worker without a heartbeat, ms.",
  }),
  MAX_RETRIES: Type.Integer({
    default: 3,
    minimum: 0,
    maximum: LIMITS.maxRetries,
    description: "Retries after the first attempt, unless the task says otherwise.",
  }),
  BACKOFF_BASE_MS: Type.Integer({
    default: 1_000,
    minimum: 0,
    maximum: 86_400_000,
    description: "Wait before the first retry, ms. It doubles for each further retry.",
  }),
  BACKOFF_MAX_MS: Type.Integer({
    default: 3_600_000,
    minimum: 0,
    maximum: 86_400_000,
    description: "Longest wait before a retry, ms.",
  }),
  SHUTDOWN_GRACE_MS: Type.Integer({
    default: 25_000,
    minimum: 0,
    maximum: 3_600_000,
    description:
      "How long running tasks may continue after SIGTERM, ms. Tasks that have not ended by then are released.",
  }),
  HANDLERS: Type.Optional(
    Type.String({
      description: "Module or folder of modules with the handlers. Not set: the demo handlers.",
    }),
  ),
  HANDLER_ISOLATION: OneOf(["none", "process"], {
    default: "none",
    description:
      "`process`: each task runs in a child process. At the time-out or memory limit, only that process is killed.",
  }),
  HANDLER_PROCESSES: Type.Integer({
    default: 4,
    minimum: 1,
    maximum: 1_000,
    description: "Most child processes, each with one task; this also limits the concurrency.",
  }),
  HANDLER_MEMORY_MB: Type.Integer({
    default: 256,
    minimum: 128,
    maximum: 65_536,
    description: "Memory of one child process, MB. A child that uses more is killed and its attempt fails.",
  }),
  ...metricsConfig,
  ...redisConfig,
  ...tracingConfig,
});

export type Config = Static<typeof configSchema>;

/** Returns the queues of the worker: a list of names in strict order, or names with weights. @throws StartupError */
export function workedQueues({ QUEUES, QUEUE_ORDER }: Pick<Config, "QUEUES" | "QUEUE_ORDER">) {
  if (QUEUE_ORDER === "weighted") return parseQueues(QUEUES);
  if (QUEUES.includes("="))
    throw new StartupError(
      "QUEUE_ORDER=strict needs QUEUES without weights, most urgent queue first: QUEUES=critical,default",
    );
  return QUEUES.split(",");
}

/**
 * Parses weights such as `critical=6,default=3`. A queue without a weight has weight 1. If a queue is named twice,
 * the last weight counts.
 */
export function parseQueues(text: string): Record<string, number> {
  return Object.fromEntries(
    text.split(",").map((entry) => {
      const [name = "", weight] = entry.split("=");
      return [name, weight === undefined ? 1 : Number(weight)];
    }),
  );
}
