import type { Backoff, Given, HoldScope, TaskSchedule } from "@holdfast/contracts";
import type { VerdictOutcome } from "../engine/engine.ts";

/** A worker that is not in this process, and reaches the queue through it. */
export interface RemoteWorker {
  /** Unique, and new for each start of the worker. */
  id: string;
  /**
   * Who owns the worker: only requests of the same owner can settle its tasks. At most 16 of A-Z a-z 0-9, such as the
   * id of an API key; "" for everybody without a key.
   */
  owner: string;
  /** What operators see of the worker. */
  info?: RemoteInfo | undefined;
}

/** What a remote worker says about itself. It is shown to operators. */
export interface RemoteInfo {
  host?: string | undefined;
  pid?: number | undefined;
  version?: string | undefined;
  /** How many tasks the worker runs at the same time. */
  slots?: number | undefined;
  queues?: readonly string[] | undefined;
  types?: readonly string[] | undefined;
  /** Milliseconds since the epoch. */
  startedAt?: number | undefined;
}

/** The number of a request. If a request is repeated with it, it gets the same answer. */
export interface RemoteRequest {
  /** 0 to 63. Requests of one lane come one after the other. */
  lane: number;
  /** From 1. It grows with each new request of the lane. */
  requestId: number;
}

/** The lease, and the retries and time-outs of tasks that do not set them. */
export interface RemoteTerms {
  leaseMs: number;
  maxRetries: number;
  /** Retries and time-outs of single types, by type or by prefix with a star. */
  terms?: Readonly<Record<string, { maxRetries?: number | undefined; timeoutMs?: number | undefined }>>;
}

/** What a worker asks for. */
export interface RemoteAsk {
  want: number;
  /** The types that it runs, each a type or a prefix with a star. */
  types: readonly string[];
  /** How many tasks it holds. */
  held: number;
}

/** A task as a remote worker gets it. */
export interface RemoteTask {
  id: string;
  token: string;
  type: string;
  payloadText: string;
  attempt: number;
  enqueuedAt: number;
  leaseMs: number;
  /** From the grant on. */
  timeoutMs: number;
  /** The options of the task itself; null if it does not set them. */
  maxRetries: number | null;
  backoff: Given<Backoff> | null;
  tags: readonly string[];
  key: string | null;
  traceparent: string | null;
  schedule: TaskSchedule | null;
  expiresAt: number | null;
  /** The place of a node in its flow; the name of a callback is its moment, such as "done". */
  flow: { id: string; name: string } | null;
}

/** The tasks that a remote worker got, and what it should do next. */
export interface RemoteGrants {
  tasks: RemoteTask[];
  /** The task has to run alone. */
  alone: boolean;
  /** A task that has to run alone waits until this worker holds no other. */
  makeRoom: boolean;
  /** An operator told the worker to acquire no more tasks. */
  draining: boolean;
  /** Milliseconds since the epoch, by the clock of Redis. */
  now: number;
}

/** An error as another language describes it. */
export interface RemoteError {
  name: string;
  message: string;
  /** The stack trace, without the message. */
  stack?: string | undefined;
  code?: string | undefined;
}

/** What a remote worker says about an attempt. docs/worker-protocol.md describes each verdict. */
export type RemoteVerdict = { id: string; token: string } & (
  | { verdict: "complete"; resultText?: string | undefined }
  | { verdict: "fail"; error: RemoteError; delayMs?: number | undefined }
  | { verdict: "fatal"; error: RemoteError }
  | { verdict: "cancel"; error?: RemoteError | undefined }
  | { verdict: "postpone"; delayMs: number; error?: RemoteError | undefined }
  | { verdict: "rate_limit"; delayMs: number; scope?: HoldScope | undefined; error?: RemoteError | undefined }
  | { verdict: "suspend"; until: number; events: readonly string[] }
  | { verdict: "release" | "unstarted" | "no_handler" }
);

/** What became of the verdicts of a remote worker, and the tasks that it got in the same call. */
export interface RemoteSettled extends RemoteGrants {
  /** One for each verdict, in their order. */
  outcomes: VerdictOutcome[];
  /** Results that were too large to be stored. */
  warnings: string[];
}

/** What a heartbeat did to one lease. `cancelled`: the lease was extended, and the attempt should end. */
export type RemoteRenewal = "renewed" | "cancelled" | "lost";
