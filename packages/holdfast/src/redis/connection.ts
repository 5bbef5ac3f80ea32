import { callHook, thrownBy, warn } from "../user-code.ts";
import { BytesPool } from "./bytes-pool.ts";
import { classify, lastError } from "./errors.ts";
import { Command } from "./ioredis.ts";
import type { QueueKeys } from "./keys.ts";
import { LinkMember } from "./link-member.ts";
import type { Script } from "./script.ts";
import { describeRedis, type RedisOption, settingsOf } from "./settings.ts";
import { headOfCall, type TailBytes } from "./tail-bytes.ts";

export interface ConnectionOptions {
  /** Called after each script call, with its duration. */
  onScript?: ((script: string, seconds: number) => void) | undefined;
  name?: string;
  /** Whether connections of this process with the same name and settings use one client together. @default false */
  share?: boolean;
}

const RETRY_DELAY_MS = 50;
const scriptHookThrew = (thrown: unknown) => warn(thrownBy("`onScript`", thrown));

/** A connection to Redis. Only this class sends commands. */
export class Connection extends LinkMember {
  readonly #onScript: ConnectionOptions["onScript"];
  /** Reused memory, into which script calls are written. */
  readonly pool = new BytesPool();
  /** How many sends of a call failed. While this number stays the same, Redis runs calls in the order of their sends. */
  failedSends = 0;

  /** @throws HoldfastError invalid_argument */
  constructor(redis: RedisOption, { name = "holdfast", onScript, share = false }: ConnectionOptions = {}) {
    super(settingsOf(redis), name, share);
    this.#onScript = onScript;
  }

  /** Returns the time of Redis as this process estimates it. For display only, never for decisions. */
  now(): number {
    return Date.now() + this.link.clockOffsetMs;
  }

  override observeClock(redisMs: number): void {
    this.link.clockOffsetMs = redisMs - Date.now();
  }

  get isReady(): boolean {
    return this.link.isReady && !this.closed;
  }

  /** Returns a promise like the given one, which also rejects when the connection is closed. */
  #untilClosed<Reply>(answer: Promise<Reply>): Promise<Reply> {
    if (!this.link.isShared) return answer;
    return new Promise((resolve, reject) => {
      this.unanswered.add(reject);
      answer.then(
        (reply) => {
          this.unanswered.delete(reject);
          resolve(reply);
        },
        (error) => {
          this.unanswered.delete(reject);
          reject(error);
        },
      );
    });
  }

  /** Runs a plain command. If the reply is lost, the command is sent again. */
  override async command<Reply>(name: string, ...args: (string | number)[]): Promise<Reply> {
    return this.#retried<Reply>(
      () => this.#untilClosed(this.link.client.call(name, ...args) as Promise<Reply>),
      this.timeoutMs,
    );
  }

  /**
   * Runs a script. If the reply is lost, the same call is sent again until `timeoutMs` have passed. This is safe,
   * because a script gives a repeated request the same answer.
   * @param tail the last arguments as bytes; the caller releases their memory
   * @throws HoldfastError redis_unavailable (it never ran), outcome_unknown (it may have run), or the error that Redis
   * returned
   */
  async script<Args, Reply, Keys = QueueKeys>(
    script: Script<Args, Keys>,
    keys: Keys,
    args: Args,
    timeoutMs = this.timeoutMs,
    tail?: TailBytes,
  ): Promise<Reply> {
    const argv = script.argv(keys, args);
    const onScript = this.#onScript;
    const started = onScript ? performance.now() : 0;
    try {
      return await this.#retried<Reply>(async () => {
        try {
          return await this.#call<Reply>("EVALSHA", script.sha1, script.keyCount, argv, tail);
        } catch (error) {
          if (classify(error).kind !== "no_script") throw error;
          this.failedSends++;
          return await this.#call<Reply>("EVAL", script.source, script.keyCount, argv, tail);
        }
      }, timeoutMs);
    } finally {
      // callHook catches errors of the hook, which must not replace the reply.
      if (onScript)
        callHook(() => onScript(script.name, (performance.now() - started) / 1000), scriptHookThrew);
    }
  }

  async #call<Reply>(
    name: "EVALSHA" | "EVAL",
    code: string,
    keyCount: number,
    argv: (string | number)[],
    tail: TailBytes | undefined,
  ): Promise<Reply> {
    const bytes =
      tail === undefined
        ? encodeCall(name, code, keyCount, argv, this.pool)
        : tail.after(headOfCall(name, code, keyCount, argv, tail.count));
    const command = new ScriptCommand(name, bytes, keyCount > 0 ? argv[0] : undefined);
    const sent = this.link.client.sendCommand(command) as Promise<Reply>;
    command.wasSent();
    const reply = await this.#untilClosed(sent);
    if (tail === undefined && typeof bytes !== "string") this.pool.give(bytes);
    return reply;
  }

  async #retried<Reply>(send: () => Promise<Reply>, timeoutMs: number): Promise<Reply> {
    let deadline = 0;
    let maybeSent = false;
    for (;;) {
      try {
        if (!this.isReady) await this.ready(deadline === 0 ? timeoutMs : deadline - performance.now());
        return await send();
      } catch (error) {
        this.failedSends++;
        // The Redis client adds the whole command to its errors. It is removed, so that no payload gets into a log.
        if (error instanceof Error && "command" in error) delete error.command;
        if (deadline === 0) deadline = performance.now() + timeoutMs;
        const failure = classify(error);
        if (failure.kind === "retry") maybeSent ||= failure.sent;
        const isOver = this.closed || performance.now() + RETRY_DELAY_MS >= deadline;
        if (failure.kind !== "retry" || isOver)
          throw lastError(error, failure, maybeSent, this.closed, describeRedis(this.redis));
        await new Promise((resolve) => setTimeout(resolve, RETRY_DELAY_MS));
      }
    }
  }

  /**
   * Sends commands together, over one connection to the node that has the first key. The commands are sent only once.
   * Each answer is a reply or an Error.
   * @throws HoldfastError redis_unavailable
   */
  async together(commands: readonly (readonly [string, ...(string | number)[]])[]): Promise<unknown[]> {
    await this.ready();
    const pipeline = this.link.client.pipeline();
    for (const [name, ...args] of commands) pipeline.call(name, ...args);
    const answers = (await this.#untilClosed(pipeline.exec())) ?? [];
    return answers.map(([error, reply]) => {
      if (error === null) return reply;
      if ("command" in error) delete error.command;
      return error;
    });
  }
}

// Up to this length, Node takes buffers from its own pool.
const SHORT = Buffer.poolSize / 2;

// The texts "$<length>" for short arguments, prepared because most arguments are short (hot path).
const LENGTHS = Array.from({ length: 1_024 }, (_, length) => `$${length}`);

/** A call as it is sent to Redis. Short ASCII calls are a text, which the socket sends without another copy. */
export type EncodedCall = string | Buffer;

/**
 * Encodes a script call as Redis reads it. One `join` for all arguments, because joining them one by one would take a
 * third of the time of an enqueue (bench/notes.md).
 * @param code the first argument of EVALSHA or EVAL
 */
export function encodeCall(
  name: "EVALSHA" | "EVAL",
  code: string,
  keyCount: number,
  argv: readonly (string | number)[],
  pool?: BytesPool,
): EncodedCall {
  const lines = new Array<string>(2 * argv.length + 8);
  lines[0] = `*${argv.length + 3}`;
  lines[1] = `$${name.length}`;
  lines[2] = name;
  lines[3] = `$${code.length}`;
  lines[4] = code;
  const keys = String(keyCount);
  lines[5] = `$${keys.length}`;
  lines[6] = keys;
  const at = writeArguments(lines, 7, argv);
  lines[at] = "";
  const text = lines.join("\r\n");
  if (Buffer.byteLength(text) === text.length) {
    if (text.length < SHORT) return text;
    const bytes = pool?.take(text.length) ?? Buffer.allocUnsafe(text.length);
    bytes.write(text, "latin1");
    return bytes;
  }
  // Some characters have more than one byte, so the lengths are counted in bytes.
  for (let i = 3; i + 1 < at; i += 2) lines[i] = `$${Buffer.byteLength(lines[i + 1] as string)}`;
  return Buffer.from(lines.join("\r\n"));
}

/** A separate function, because V8 would otherwise also compile the code around the loop, which runs only once. */
function writeArguments(lines: string[], from: number, argv: readonly (string | number)[]): number {
  let at = from;
  for (let i = 0; i < argv.length; i++) {
    const value = argv[i] as string | number;
    const text = typeof value === "string" ? value : String(value);
    const { length } = text;
    lines[at] = length < 1_024 ? (LENGTHS[length] as string) : `$${length}`;
    lines[at + 1] = text;
    at += 2;
  }
  return at;
}

/** An encoded call as a command for the client. It has the first key, from which a Cluster client finds the node. */
export class ScriptCommand extends Command {
  readonly #bytes: EncodedCall;
  #timeoutMs: number | undefined;
  #wasSent = false;

  constructor(name: "EVALSHA" | "EVAL", bytes: EncodedCall, key: string | number | undefined) {
    // The arguments are left out, because the client adds them to its errors, and they contain payloads.
    super(name, key === undefined ? ["", "0"] : ["", "1", key], { replyEncoding: "utf8" });
    this.#bytes = bytes;
  }

  override toWritable(): EncodedCall {
    return this.#bytes;
  }

  /** Called by the client before it writes the command. The timer waits, because Redis can begin while it is made. */
  override setTimeout(ms: number): void {
    if (this.#wasSent) super.setTimeout(ms);
    else this.#timeoutMs = ms;
  }

  /** Called when the client has written the command, or keeps it until it can. */
  wasSent(): void {
    this.#wasSent = true;
    if (this.#timeoutMs !== undefined && !this.isSettled) super.setTimeout(this.#timeoutMs);
  }
}
