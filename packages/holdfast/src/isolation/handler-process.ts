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
  /** The code that runs in the child. */
  code: OwnCode;
  files: readonly string[];
  memoryMb: number;
  execArgv: readonly string[];
  env: NodeJS.ProcessEnv | undefined;
}

/** How an attempt ended in the child. */
export type RunEnd = { text?: string; tooLarge?: string };

/** What a child may ask of the context of its attempt. */
export type AttemptCalls = Pick<HandlerContext, "progress" | "checkpoint" | "readCheckpoint" | "log">;

interface Running {
  number: number;
  calls: AttemptCalls;
  resolve(end: RunEnd): void;
  reject(error: unknown): void;
}

const HEAP_FULL = "heap out of memory";
const TAIL_CHARACTERS = 8_192;
// The last output of a child may arrive after the child has ended, so the worker waits for the output this long, ms. It
// does not wait longer, because a grandchild could keep the pipe open for ever.
const LAST_WORDS_MS = 500;
const END_MS = 1_000;

/** One child process. It runs one attempt at a time, so that a kill ends only that attempt. */
export class HandlerProcess {
  readonly ready: Promise<SentHandlers>;
  /** Resolves when the process is gone. */
  readonly gone: Promise<void>;
  attempts = 0;
  readonly #child: ChildProcess;
  readonly #memoryMb: number;
  /** A secret that is part of each message from our own code in the child. */
  readonly #key = randomUUID();
  #running: Running | undefined;
  #killed: HandlerKilled | undefined;
  #uncaught: string | undefined;
  #stderr = "";
  #ended = false;

  constructor(options: ProcessOptions) {
    this.#memoryMb = options.memoryMb;
    const { code } = options;
    // Code that is given as text would not fit on a command line, so the process reads it from the standard input
    // ("-").
    this.#child = fork("file" in code ? code.file : "-", [String(process.pid)], {
      execArgv: [
        // Flags like --eval or --input-type belong to the script of this process, so the child does not get them.
        ...process.execArgv.filter((flag) => flag === "--enable-source-maps"),
        ...options.execArgv,
        `--max-old-space-size=${options.memoryMb}`,
      ],
      ...(options.env ? { env: options.env } : {}),
      stdio: ["file" in code ? "ignore" : "pipe", "inherit", "pipe", "ipc"],
      // The child leads its own process group, so a kill also ends the processes that a handler started. A Ctrl-C at
      // the terminal reaches only the worker, which gives its attempts their grace.
      detached: true,
    });
    const child = this.#child;
    // The child may be killed before it has read the whole text.
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
      // The process could not be started.
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

  /** Sets whether the process keeps the worker alive. An idle process does not. */
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

  /**
   * Sends SIGKILL to the process and to the processes that it started. The attempt that the process runs fails at once.
   */
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
   * Returns the message if our own code sent it. Handlers and their imports may send messages too, which are ignored.
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
        // An attempt that has ended has no lease under which to write. So its messages are ignored, as they are without
        // isolation.
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

  /** Waits until the process is gone and its last output was read. */
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

/** Does in the worker what a handler asked of its context. @returns the value that was read, as JSON text */
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

/** Calls a method of the step store. An attempt that has ended has no store. */
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

/**
 * The child has refused a value. This makes another value, which the context of the worker refuses for the same reason.
 */
export function unstorable({ code, message }: Refused): object {
  return {
    toJSON() {
      throw new HoldfastError(code, message);
    },
  };
}
