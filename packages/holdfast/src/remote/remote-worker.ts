import type { Backoff, Given, HoldScope, TaskSchedule } from "@holdfast/contracts";
import type { VerdictOutcome } from "../engine/engine.ts";

/** A worker outside of this process, such as one in another language. */
export interface RemoteWorker {
  /** The id of the worker: unique, and new after each start. */
  id: string;
  /**
   * The owner of the worker. Only requests of the same owner can settle its tasks. At most 16 of A-Z a-z 0-9, such as
   * the id of an API key; "" without a key.
   */
  owner: string;
  /** What operators see of the worker. */
  info?: RemoteInfo | undefined;
}

/** What a remote worker says about itself, for operators. */
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

/** The id of a request. If the worker repeats a request with the same id, it gets the same answer. */
export interface RemoteRequest {
  /**
   * A worker may send several requests at the same time, each in another lane, 0 to 63. In one lane it sends a request
   * only after the answer to the last one.
   */
  lane: number;
  /** From 1. Each new request of the lane has a larger one. */
  requestId: number;
}

/** The length of the lease, and retries and time-outs of tasks that do not set them. */
export interface RemoteTerms {
  leaseMs: number;
  maxRetries: number;
  /** Retries and time-outs by task type, or by a prefix such as `email.*`. */
  terms?: Readonly<Record<string, { maxRetries?: number | undefined; timeoutMs?: number | undefined }>>;
}

/** How many tasks a worker asks for, and of which types. */
export interface RemoteAsk {
  want: number;
  /** The task types that the worker runs: types, or prefixes such as `email.*`. */
  types: readonly string[];
  /** How many tasks the worker holds. */
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
  /** The time-out of the attempt, ms, counted from the grant. */
  timeoutMs: number;
  /** The options that the enqueue gave to this task; null for those that it did not set. */
  maxRetries: number | null;
  backoff: Given<Backoff> | null;
  tags: readonly string[];
  key: string | null;
  traceparent: string | null;
  schedule: TaskSchedule | null;
  expiresAt: number | null;
  /** The flow of a node or callback, and its name there; for a callback the moment, such as "done". */
  flow: { id: string; name: string } | null;
}

/** The tasks for a remote worker, and what the worker should do next. */
export interface RemoteGrants {
  tasks: RemoteTask[];
  /** Whether the task has to run alone. */
  alone: boolean;
  /** Whether a task that has to run alone waits until this worker holds no other task. */
  makeRoom: boolean;
  /** Whether an operator told the worker to acquire no more tasks. */
  draining: boolean;
  /** The time of Redis, ms since the epoch. */
  now: number;
}

/** An error in the form that clients in other languages send. */
export interface RemoteError {
  name: string;
  message: string;
  /** The stack trace, without the message. */
  stack?: string | undefined;
  code?: string | undefined;
}

/** How an attempt ended, as a remote worker reports it. docs/worker-protocol.md describes each verdict. */
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

/** The outcomes of settled attempts, and the tasks that were acquired in the same call. */
export interface RemoteSettled extends RemoteGrants {
  /** The outcome of each verdict, in their order. */
  outcomes: VerdictOutcome[];
  /** A text for each result that was too large to be stored. */
  warnings: string[];
}

/** What a heartbeat did to one lease. `cancelled`: it was extended, but the attempt should end. */
export type RemoteRenewal = "renewed" | "cancelled" | "lost";
