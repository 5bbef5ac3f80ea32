import { type ChildProcess, fork } from "node:child_process";
import { randomUUID } from "node:crypto";
import { HoldfastError } from "@holdfast/contracts";
import type { OwnCode } from "../own-code.ts";
import type { HandlerContext } from "../worker/handler.ts";
import { stepStoreOf } from "../worker/handler-arguments.ts";
import { JsonText } from "../worker/json-text.ts";
import { readThrown } from "../worker/thrown.ts";
import { HandlerKilled, type KillReason } from "./handler-killed.ts";
import type { FromChild, Refused, SentHandlers, SentTask, ToChild } from "./messages.ts";
import { receivedError } from "./sent-error.ts";

export interface ProcessOptions {
  /** The code of the child process. */
  code: OwnCode;
  files: readonly string[];
  memoryMb: number;
  execArgv: readonly string[];
  env: NodeJS.ProcessEnv | undefined;
}

/** How an attempt ended in the child process: its result, or a message that the result is too large. */
export type RunEnd = { text?: string; tooLarge?: string };

/** What a handler in a child process may call in the context of its attempt. */
export type AttemptCalls = Pick<HandlerContext, "progress" | "checkpoint" | "readCheckpoint" | "log">;

interface Running {
  number: number;
  calls: AttemptCalls;
  resolve(end: RunEnd): void;
  reject(error: unknown): void;
}

const HEAP_FULL = "heap out of memory";
const TAIL_CHARACTERS = 8_192;
// How long the worker waits for the last output of a child that has ended, ms. A process that the child has started may
// keep the pipe open for ever, so the wait is limited.
const LAST_WORDS_MS = 500;
const END_MS = 1_000;

/** A child process for handlers. It runs one attempt at a time, so that killing it ends only that attempt. */
export class HandlerProcess {
  readonly ready: Promise<SentHandlers>;
  /** Resolves when the process has ended. */
  readonly gone: Promise<void>;
  attempts = 0;
  readonly #child: ChildProcess;
  readonly #memoryMb: number;
  /** A secret in each message of the child that this library sends, by which other messages are recognized. */
  readonly #key = randomUUID();
  #running: Running | undefined;
  #killed: HandlerKilled | undefined;
  #uncaught: string | undefined;
  #stderr = "";
  #ended = false;

  constructor(options: ProcessOptions) {
    this.#memoryMb = options.memoryMb;
    const { code } = options;
    // "-" makes Node read its code from the standard input. Code that is given as text would not fit on a command line.
    this.#child = fork("file" in code ? code.file : "-", [String(process.pid)], {
      execArgv: [
        // Other flags, such as --eval or --input-type, belong to the script of this process, so the child does not get
        // them.
        ...process.execArgv.filter((flag) => flag === "--enable-source-maps"),
        ...options.execArgv,
        `--max-old-space-size=${options.memoryMb}`,
      ],
      ...(options.env ? { env: options.env } : {}),
      stdio: ["file" in code ? "ignore" : "pipe", "inherit", "pipe", "ipc"],
      // The child leads its own process group, so that a kill also ends processes that a handler has started. Ctrl-C in
      // a terminal reaches only the worker, which gives its attempts time to end.
      detached: true,
    });
    const child = this.#child;
    // Errors are ignored, because the child may be killed before it has read the whole text.
    if ("text" in code) child.stdin?.on("error", () => {}).end(code.text);
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      process.stderr.write(text);
      this.#stderr = (this.#stderr + text).slice(-TAIL_CHARACTERS);
    });
    this.ready = new Promise((resolve, reject) => {
      child.on("message", (sent: unknown) => {
        const message = this.#ours(sent);
        if (message?.kind === "ready") resolve(message.handlers);
        else if (message?.kind === "broken") reject(new Error(message.message));
        else if (message) this.#receive(message);
      });
      void this.#end().then(() => reject(this.#verdict()));
    });
    this.ready.catch(() => {});
    this.gone = new Promise((resolve) => {
      child.once("exit", () => resolve());
      // Without a process id, the process could not be started.
      child.once("error", () => child.pid === undefined && resolve());
    });
    void this.#end().then(() => this.#fail(this.#verdict()));
    this.#send({ kind: "start", key: this.#key, files: options.files });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get alive(): boolean {
    return !this.#ended && this.#killed === undefined;
  }

  /** Sets whether the process keeps the worker alive. While it is idle, it does not. */
  hold(held: boolean): void {
    const stderr = this.#child.stderr as { ref?: () => void; unref?: () => void } | null;
    if (held) {
      this.#child.ref();
      this.#child.channel?.ref();
      stderr?.ref?.();
    } else {
      this.#child.unref();
      this.#child.channel?.unref();
      stderr?.unref?.();
    }
  }

  /** Runs one attempt. @throws the error that the handler threw, or HandlerKilled */
  run(task: SentTask, calls: AttemptCalls): Promise<RunEnd> {
    const number = ++this.attempts;
    if (!this.alive) return Promise.reject(this.#verdict());
    return new Promise((resolve, reject) => {
      this.#running = { number, calls, resolve, reject };
      this.#send({ kind: "run", run: number, task });
    });
  }

  abort(reason: Extract<ToChild, { kind: "abort" }>["reason"], message: string): void {
    if (this.#running) this.#send({ kind: "abort", run: this.#running.number, reason, message });
  }

  /** Kills the process and the processes that it has started (SIGKILL). The attempt that it runs fails at once. */
  kill(reason: KillReason, message: string): void {
    if (this.#ended || this.#killed) return;
    this.#killed = new HandlerKilled(reason, message);
    this.#signalGroup();
    this.#fail(this.#killed);
  }

  /** Asks the process to end, and kills it if it does not end in time. */
  async end(): Promise<void> {
    if (this.#child.connected) this.#child.disconnect();
    const timer = setTimeout(() => this.kill("closed", "the handlers were closed"), END_MS);
    await this.gone;
    clearTimeout(timer);
  }

  #signalGroup(): void {
    const { pid } = this.#child;
    if (pid === undefined) return;
    try {
      process.kill(-pid, "SIGKILL");
    } catch {
      this.#child.kill("SIGKILL");
    }
  }

  #send(message: ToChild): void {
    this.#child.send(message, () => {});
  }

  /**
   * Returns a message if this library sent it; undefined otherwise. Handlers and their imports may send messages too.
   */
  #ours(message: unknown): FromChild | undefined {
    const isOurs =
      typeof message === "object" && message !== null && (message as { key?: unknown }).key === this.#key;
    return isOurs ? (message as FromChild) : undefined;
  }

  #receive(message: Exclude<FromChild, { kind: "ready" | "broken" }>): void {
    if (message.kind === "uncaught") {
      this.#uncaught = message.message;
      return;
    }
    const running = this.#running;
    const current = running?.number === message.run ? running : undefined;
    switch (message.kind) {
      case "progress":
      case "checkpoint":
      case "read_checkpoint":
      case "log":
      case "steps":
        // After its attempt has ended, a handler can write nothing, because it has no lease. So its messages are
        // ignored.
        void tell(current?.calls, message)
          .then((text) => ({ ...(text === undefined ? {} : { text }) }))
          .catch((error) => ({ error: readThrown(error) }))
          .then((answer) => this.#send({ kind: "answer", call: message.call, ...answer }));
        return;
      case "done":
        if (!current) return;
        this.#running = undefined;
        current.resolve(message);
        return;
      case "failed":
        if (!current) return;
        this.#running = undefined;
        current.reject(receivedError(message.error));
    }
  }

  #fail(error: unknown): void {
    const running = this.#running;
    this.#running = undefined;
    running?.reject(error);
  }

  /** Waits until the process has ended and its last output was read. */
  #end(): Promise<void> {
    const child = this.#child;
    return new Promise((resolve) => {
      child.once("error", () => {
        this.#ended ||= child.pid === undefined;
        if (this.#ended) resolve();
      });
      child.once("exit", () => {
        this.#ended = true;
        this.#signalGroup();
        const timer = setTimeout(resolve, LAST_WORDS_MS);
        child.once("close", () => {
          clearTimeout(timer);
          resolve();
        });
      });
    });
  }

  #verdict(): HandlerKilled {
    if (this.#killed) return this.#killed;
    if (this.#stderr.includes(HEAP_FULL))
      return new HandlerKilled("memory", `the heap of its process was full at ${this.#memoryMb} MB`);
    const { exitCode, signalCode } = this.#child;
    const how = signalCode ? `by ${signalCode}` : `with code ${exitCode}`;
    return new HandlerKilled(
      "exited",
      `its process ended ${how}${this.#uncaught ? `: ${this.#uncaught}` : " before the handler did"}`,
    );
  }
}

/** Calls what the handler wants to call in the context of its attempt. @returns what was read, as JSON text */
async function tell(
  calls: AttemptCalls | undefined,
  message: Extract<FromChild, { kind: "progress" | "checkpoint" | "read_checkpoint" | "log" | "steps" }>,
): Promise<string | undefined> {
  if (message.kind === "log") await calls?.log(message.text, { level: message.level });
  else if (message.kind === "steps") return JSON.stringify(await stepsOf(calls, message));
  else if (message.kind === "checkpoint") await calls?.checkpoint(new JsonText(message.text));
  else if (message.kind === "read_checkpoint") return JSON.stringify(await calls?.readCheckpoint());
  else
    await calls?.progress(message.refused ? unstorable(message.refused) : new JsonText(message.text ?? ""));
  return undefined;
}

/** Calls a method of the step store. After its attempt has ended, a handler has no step store. */
async function stepsOf(
  calls: AttemptCalls | undefined,
  { method, argument }: Extract<FromChild, { kind: "steps" }>,
): Promise<unknown> {
  if (!calls)
    throw new HoldfastError("conflict", "the attempt has ended, so its steps are not stored any more");
  const store = stepStoreOf(calls);
  const call = store[method] as (argument: unknown) => Promise<unknown>;
  return call.call(store, argument === "" ? undefined : JSON.parse(argument));
}

/** Returns a value that the context in the worker refuses with the same error as the context in the child. */
export function unstorable({ code, message }: Refused): object {
  return {
    toJSON() {
      throw new HoldfastError(code, message);
    },
  };
}
