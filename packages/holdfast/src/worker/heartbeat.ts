import { Worker as Thread } from "node:worker_threads";
import { type ErrorCode, HoldfastError } from "@holdfast/contracts";
import type { HeartbeatData, HeartbeatMessage } from "./heartbeat-messages.ts";

export interface HeartbeatEvents {
  onLease(what: "lost" | "cancelled", index: number, version: number): void;
  onRenewal(outcome: "renewed" | "lost" | "cancelled", count: number): void;
  /** Every two seconds, with what an operator wants of the worker. */
  onRegistered(draining: boolean): void;
  onError(error: HoldfastError): void;
}

const STOP_MS = 3_000;
const READY_MS = 5_000;

/** The main thread's handle of the heartbeat thread: starts it, restarts it should it die, stops it. */
export class Heartbeat {
  readonly #data: HeartbeatData;
  readonly #events: HeartbeatEvents;
  #thread: Thread | undefined;
  #stopping = false;
  #exited = false;
  #onReady = () => {};

  constructor(data: HeartbeatData, events: HeartbeatEvents) {
    this.#data = data;
    this.#events = events;
  }

  /** Resolves when the thread beats: a lease that is taken before it could run out in a blocked event loop. */
  async start(): Promise<void> {
    const ready = new Promise<void>((resolve) => {
      this.#onReady = resolve;
    });
    this.#launch();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, READY_MS);
    });
    await Promise.race([ready, late]);
    clearTimeout(timer);
  }

  #launch(): void {
    // Sources that are run without a build still need the built thread: Node runs no TypeScript in a thread before 22.
    const url = new URL(
      import.meta.url.endsWith(".ts") ? "../../dist/worker/heartbeat-thread.js" : "./heartbeat-thread.js",
      import.meta.url,
    );
    const thread = new Thread(url, {
      workerData: this.#data,
      name: "holdfast-heartbeat",
      // Flags of the process, like --eval or --input-type, are about its own script and would end the thread at once.
      execArgv: process.execArgv.filter((flag) => flag === "--enable-source-maps"),
    });
    this.#thread = thread;
    this.#exited = false;
    thread.on("message", (message: HeartbeatMessage) => this.#receive(message));
    thread.on("error", (error) => {
      this.#events.onError(
        new HoldfastError("internal", `the heartbeat thread ended: ${error.message}`, { cause: error }),
      );
    });
    thread.on("exit", () => {
      this.#exited = true;
      if (this.#thread === thread && !this.#stopping)
        setTimeout(() => !this.#stopping && this.#launch(), 100).unref();
    });
  }

  #receive(message: HeartbeatMessage): void {
    switch (message.kind) {
      case "lease":
        this.#events.onRenewal(message.what, message.leases.length);
        for (const { index, version } of message.leases) this.#events.onLease(message.what, index, version);
        return;
      case "ready":
        this.#onReady();
        return;
      case "renewed":
        this.#events.onRenewal("renewed", message.count);
        return;
      case "registered":
        this.#events.onRegistered(message.draining);
        return;
      case "error":
        this.#events.onError(new HoldfastError(message.code as ErrorCode, message.message));
        return;
      case "stopped":
        return;
    }
  }

  /** @param withinMs then it is ended, wherever it is */
  async stop(withinMs = STOP_MS): Promise<void> {
    this.#stopping = true;
    const thread = this.#thread;
    if (!thread || this.#exited) return;
    this.#thread = undefined;
    const ended = new Promise<void>((resolve) => thread.once("exit", () => resolve()));
    thread.postMessage("stop");
    const timer = setTimeout(() => void thread.terminate(), withinMs);
    await ended;
    clearTimeout(timer);
  }
}
