// This package declares `summary`, `tags` and `hide` in the schema of a route, so its types are needed.
import type {} from "@fastify/swagger";
import { Problem } from "@holdfast/contracts/api";
import type { FlowQueue, TaskRouteOptions } from "@holdfast/service";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { Observer, Schedules } from "holdfast";
import type { SeriesHistory } from "holdfast/operate";
import type { AuditLog } from "../operators/audit-log.ts";
import type { Operations } from "../operators/operations.ts";
import type { ReplayedOutcome } from "../sampling/gauges.ts";
import type { SeriesStore } from "../sampling/series.ts";

/** The part of `Schedules` in the library that the routes need. */
export type SchedulesPort = Pick<Schedules, "list" | "get" | "put" | "delete" | "run" | "pause" | "resume">;

declare module "fastify" {
  interface FastifyContextConfig {
    /** Whether the route is allowed with READ_ONLY=1. Only log-in and log-out set it, because they change no task. */
    allowsReadOnly?: boolean;
    /** Whether answers of the route have payloads, so that AUDIT_PAYLOAD_READS=1 records them. */
    showsPayloads?: boolean;
  }
}

/**
 * The part of `Observer` in the library that the routes need. A test of a route can pass a fake of this type instead of
 * Redis.
 */
export type ObserverPort = Pick<
  Observer,
  | "stats"
  | "snapshot"
  | "task"
  | "steps"
  | "list"
  | "search"
  | "why"
  | "queues"
  | "errors"
  | "muteError"
  | "replay"
  | "matchDead"
  | "matchScheduled"
  | "pause"
  | "resume"
  | "configure"
  | "partition"
  | "empty"
  | "deleteQueue"
  | "workers"
  | "drainWorker"
  | "resumeWorker"
  | "staleVerdicts"
  | "flows"
  | "getFlow"
  | "flowNodes"
  | "flowGraph"
> & {
  limits: Pick<
    Observer["limits"],
    | "get"
    | "check"
    | "set"
    | "keys"
    | "key"
    | "setKey"
    | "hold"
    | "shared"
    | "checkShare"
    | "share"
    | "unshare"
    | "try"
    | "heaviest"
  >;
};

/** The part of `Queue` in the library that the routes need. */
export type Producer = ReturnType<TaskRouteOptions["queue"]> & FlowQueue;

export interface RouteContext {
  observer: ObserverPort;
  queue(name: string): Producer;
  /**
   * Every route that may create a queue calls this first. @throws HoldfastError rate_limited: the key has made as many
   * queues as QUEUES_PER_KEY allows
   */
  admitQueue(name: string, sender: Pick<FastifyRequest, "identity" | "ip">): Promise<void>;
  schedules: SchedulesPort;
  series: Pick<SeriesStore, "points" | "rates">;
  history: Pick<SeriesHistory, "read" | "deploys" | "types">;
  operations: Operations;
  audit: AuditLog;
  /** The value of ENVIRONMENT, the name of the environment; null if it is not set. */
  environment: string | null;
  countReplayed(queue: string, outcome: ReplayedOutcome, count: number): void;
}

/** Returns a signal that aborts if the client disconnects before the answer. It stops the search for that client. */
export function abortOf(reply: FastifyReply): AbortSignal {
  const abort = new AbortController();
  reply.raw.once("close", () => {
    if (!reply.raw.writableFinished) abort.abort();
  });
  return abort.signal;
}

/** The error responses that every route can give, for the OpenAPI document. */
export const PROBLEMS = { "4xx": Problem, "5xx": Problem };

export const TAGS = {
  queues: "queues",
  tasks: "tasks",
  flows: "flows",
  deadLetters: "dead letters",
  errors: "errors",
  schedules: "schedules",
  alerts: "alerts",
  system: "system",
} as const;
