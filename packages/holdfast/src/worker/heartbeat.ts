import { isDeepStrictEqual } from "node:util";
import { Worker as Thread } from "node:worker_threads";
import { asHoldfastError, type ErrorCode, HoldfastError } from "@holdfast/contracts";
import { type OwnCode, ownCode } from "../own-code.ts";
import type { FromThread, HeartbeatData, MemberMessage, ToThread } from "./heartbeat-messages.ts";
import type { WorkedPart } from "./part-runners.ts";

export interface HeartbeatEvents {
  onLease(what: "lost" | "cancelled", index: number, version: number): void;
  onRenewal(outcome: "renewed" | "lost" | "cancelled", count: number): void;
  /** Called every two seconds. `draining`: whether an operator told the worker to acquire no more tasks. */
  onRegistered(draining: boolean): void;
  /** Called with false when the heartbeat thread has ended, and with true when its replacement renews leases. */
  onBeating(beating: boolean): void;
  /** Called when the thread has ended too often and is not started again. The leases are not renewed any more. */
  onLost(error: HoldfastError): void;
  onError(error: HoldfastError): void;
}

/** How long a new thread may take to start, ms. */
const LAUNCH_MS = 10_000;
const RELAUNCH_MS = 100;
/** If a thread ends this often within ENDS_WITHIN_MS, it is not started again. */
const ENDS = 3;
const ENDS_WITHIN_MS = 60_000;
/** How long a stopping worker waits for the last message of the thread, ms. */
const STOP_MS = 2_000;
const CONNECT_MS = 5_000;

/** One worker of this process. */
interface Member {
  readonly data: HeartbeatData;
  receive(message: MemberMessage): void;
  /** Called when the thread has ended unexpectedly. If possible, another thread starts. */
  down(error: HoldfastError): void;
  /** Called when the thread has ended and is not started again. */
  lost(error: HoldfastError): void;
}

/** The thread that renews the leases of all workers of this process, from the first worker to the last. */
class HeartbeatThread {
  readonly #members = new Map<number, Member>();
  #next = 1;
  #thread: Thread | undefined;
  #isUp = false;
  /** Resolves when the running thread has ended. */
  #gone = Promise.resolve();
  #relaunch: NodeJS.Timeout | undefined;
  #launching = false;
  #ends: number[] = [];

  /** Adds a worker. @returns its number, which `remove` needs */
  add(member: Member): number {
    const number = this.#next++;
    this.#members.set(number, member);
    if (this.#isUp) this.#send(number, member);
    else if (!this.#thread && !this.#relaunch) void this.#launch();
    return number;
  }

  /** Removes a worker, and the thread after the last one. Resolves when the registry has its final entry. */
  async remove(number: number, removed: Promise<void>, limitMs: number): Promise<void> {
    if (!this.#members.has(number)) return;
    const thread = this.#thread;
    if (thread && this.#isUp) {
      thread.postMessage({ kind: "remove", member: number } satisfies ToThread);
      await withinMs(limitMs, Promise.race([removed, this.#gone]));
    }
    this.#members.delete(number);
    if (this.#members.size > 0) return;
    clearTimeout(this.#relaunch);
    this.#relaunch = undefined;
    this.#ends = [];
    const last = this.#thread;
    this.#thread = undefined;
    this.#isUp = false;
    await last?.terminate();
  }

  /** Tells the thread that the worker has more partitions to work on, or other queues. */
  setParts(member: number, parts: readonly WorkedPart[], queues: readonly string[]): void {
    if (this.#isUp) this.#thread?.postMessage({ kind: "parts", member, parts, queues } satisfies ToThread);
  }

  #send(number: number, member: Member): void {
    try {
      this.#thread?.postMessage({ kind: "add", member: number, data: member.data } satisfies ToThread);
    } catch (error) {
      // `postMessage` throws if the data cannot be cloned, for example a function among the TLS options.
      this.#members.delete(number);
      const { message } = asHoldfastError(error);
      member.lost(
        new HoldfastError(
          "heartbeat_failed",
          `the settings of Redis cannot be sent to a thread: ${message}`,
          {
            cause: error,
          },
        ),
      );
    }
  }

  async #launch(): Promise<void> {
    if (this.#launching) return;
    this.#launching = true;
    try {
      this.#begin(await ownCode("heartbeatThread"));
    } catch (error) {
      this.#ended(asHoldfastError(error).message, error);
    } finally {
      this.#launching = false;
    }
  }

  #begin(code: OwnCode): void {
    // All workers were removed while the code of the thread was loaded.
    if (this.#members.size === 0) return;
    const thread = new Thread("file" in code ? code.file : code.text, {
      eval: "text" in code,
      name: "holdfast-heartbeat",
      // The flags of the process are not passed on: --eval or --input-type, for example, would end the thread at once.
      execArgv: process.execArgv.filter((flag) => flag === "--enable-source-maps"),
    });
    this.#thread = thread;
    let failure: unknown;
    const timer = setTimeout(() => {
      failure = new Error(`it did not begin within ${LAUNCH_MS} ms`);
      void thread.terminate();
    }, LAUNCH_MS);
    thread.on("message", (message: FromThread) => {
      if (message.kind === "about") this.#members.get(message.member)?.receive(message.message);
      else if (this.#thread === thread) {
        clearTimeout(timer);
        this.#isUp = true;
        for (const [number, member] of this.#members) this.#send(number, member);
      }
    });
    thread.on("error", (error) => {
      failure = error;
    });
    this.#gone = new Promise((resolve) => thread.once("exit", () => resolve()));
    thread.on("exit", (code) => {
      clearTimeout(timer);
      if (this.#thread !== thread) return;
      this.#thread = undefined;
      this.#isUp = false;
      this.#ended(failure === undefined ? `with code ${code}` : asHoldfastError(failure).message, failure);
    });
  }

  #ended(why: string, cause: unknown): void {
    const now = performance.now();
    this.#ends = [...this.#ends.filter((at) => now - at < ENDS_WITHIN_MS), now];
    const error = new HoldfastError("heartbeat_failed", `the heartbeat thread ended: ${why}`, { cause });
    const members = [...this.#members.values()];
    if (this.#ends.length >= ENDS) {
      this.#members.clear();
      this.#ends = [];
      for (const member of members) member.lost(error);
      return;
    }
    for (const member of members) member.down(error);
    if (this.#members.size === 0) return;
    this.#relaunch = setTimeout(() => {
      this.#relaunch = undefined;
      void this.#launch();
    }, RELAUNCH_MS);
  }
}

const shared = new HeartbeatThread();

/** The heartbeats of one worker. One thread sends the heartbeats of all workers of the process. */
export class Heartbeat implements Member {
  readonly data: HeartbeatData;
  readonly #events: HeartbeatEvents;
  #number: number | undefined;
  #first: { resolve(): void; reject(error: HoldfastError): void } | undefined;
  #lastError: HoldfastError | undefined;
  #onRemoved = () => {};

  constructor(data: HeartbeatData, events: HeartbeatEvents) {
    this.data = data;
    this.#events = events;
  }

  /**
   * Resolves when the heartbeat thread renews the leases of this worker. The worker acquires no tasks before that,
   * because a handler that blocks the event loop would otherwise lose its lease.
   * @throws HoldfastError closed if the worker was stopped meanwhile; heartbeat_failed if the thread cannot work for
   * this worker, or the error that kept it from connecting to Redis: after these two, `start` may be called again
   */
  async start(): Promise<void> {
    const limitMs = LAUNCH_MS + CONNECT_MS + (this.data.redis.commandTimeoutMs ?? CONNECT_MS);
    const timer = setTimeout(() => {
      const why = new HoldfastError(
        "heartbeat_failed",
        `the heartbeat thread did not beat within ${limitMs} ms`,
      );
      this.#first?.reject(this.#lastError ?? why);
    }, limitMs);
    try {
      await new Promise<void>((resolve, reject) => {
        this.#first = { resolve, reject };
        this.#number = shared.add(this);
      });
    } catch (error) {
      await this.stop();
      throw error;
    } finally {
      clearTimeout(timer);
      this.#first = undefined;
    }
  }

  /** Sets the queues and partitions. @param parts the known ones at the same index as before, then the new ones */
  setParts(parts: readonly WorkedPart[], queues: readonly string[]): void {
    const { data } = this;
    if (parts.length === data.parts.length && isDeepStrictEqual(queues, data.worker.queues)) return;
    data.parts = [...parts];
    data.worker = { ...data.worker, queues: [...queues] };
    if (this.#number !== undefined) shared.setParts(this.#number, data.parts, queues);
  }

  receive(message: MemberMessage): void {
    switch (message.kind) {
      case "lease":
        this.#events.onRenewal(message.what, message.leases.length);
        for (const { index, version } of message.leases) this.#events.onLease(message.what, index, version);
        return;
      case "ready":
        if (this.#first) this.#first.resolve();
        else this.#events.onBeating(true);
        return;
      case "renewed":
        this.#events.onRenewal("renewed", message.count);
        return;
      case "registered":
        this.#events.onRegistered(message.draining);
        return;
      case "error":
        this.#lastError = new HoldfastError(message.code as ErrorCode, message.message);
        this.#events.onError(this.#lastError);
        return;
      case "failed":
        this.#fail(new HoldfastError("heartbeat_failed", message.message));
        return;
      case "removed":
        this.#onRemoved();
        return;
    }
  }

  down(error: HoldfastError): void {
    if (this.#first) this.#first.reject(error);
    else {
      this.#events.onBeating(false);
      this.#events.onError(
        new HoldfastError("internal", `${error.message}. Another thread begins`, { cause: error }),
      );
    }
  }

  lost(error: HoldfastError): void {
    this.#number = undefined;
    this.#fail(error);
  }

  #fail(error: HoldfastError): void {
    if (this.#first) this.#first.reject(error);
    else this.#events.onLost(error);
  }

  /** Resolves when the registry has the final entry of the worker, or after `limitMs`. May be called several times. */
  async stop(limitMs = STOP_MS): Promise<void> {
    const number = this.#number;
    this.#number = undefined;
    this.#first?.reject(new HoldfastError("closed", "this worker was stopped"));
    if (number === undefined) return;
    const removed = new Promise<void>((resolve) => {
      this.#onRemoved = resolve;
    });
    await shared.remove(number, removed, limitMs);
  }
}

async function withinMs(ms: number, promise: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([promise, late]);
  clearTimeout(timer);
}
