import { hostname, userInfo } from "node:os";
import { asHoldfastError, ERROR_STATUS, isQueueName } from "@holdfast/contracts";
import type { AuditAction, AuditOutcome } from "@holdfast/contracts/api";
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { type ConnectionSettings, describeRedis, type ErrorCode, Holdfast, Observer } from "holdfast";
import { type ExitCode, messageOf } from "./exit.ts";
import { FORMATS, type Format, Output } from "./output.ts";
import { type Environment, keyPrefix, redisSettings } from "./redis-address.ts";

/** What the process has to do with the world. */
export interface Io {
  env: Environment;
  stdin: NodeJS.ReadStream;
  stdout: NodeJS.WriteStream;
  stderr: NodeJS.WriteStream;
  /** The first error of a write to stdout: what was printed since then is lost. */
  outputError(): NodeJS.ErrnoException | null;
  /** Aborted when the user, or the system, asks it to end. */
  signal: AbortSignal;
}

/** Something that an operator changes, as the audit log names it. */
export interface Mutation {
  action: AuditAction;
  queue: string | null;
  /** The one task, schedule, worker or key that it is done to. */
  subject?: string | undefined;
  operationId?: string;
  reason?: string | undefined;
}

/** How it went, where it did not throw: how many tasks, and the code of the error where some were not accepted. */
export interface Done {
  count: number;
  code: ErrorCode | null;
  /** The user ended it before it was through. */
  interrupted?: boolean;
  /** Where it is known only afterwards. */
  subject?: string;
}

export interface GlobalOptions {
  redis?: string;
  prefix?: string;
  output: Format;
  json?: boolean;
}

// Who types waits less patiently than a service.
const CONNECT_MS = 3_000;

/** What a command works with: its connection is opened at first use. */
export class Context {
  readonly io: Io;
  readonly out: Output;
  readonly settings: ConnectionSettings;
  readonly prefix: string;
  #client: Holdfast | undefined;
  #observer: Observer | undefined;

  constructor(io: Io, options: GlobalOptions) {
    this.io = io;
    this.out = new Output(io.stdout, io.stderr, options.json ? "json" : options.output);
    this.settings = redisSettings(io.env, options.redis);
    this.prefix = keyPrefix(io.env, options.prefix);
  }

  /** "host:port", without credentials. */
  get where(): string {
    return describeRedis(this.settings);
  }

  /** The connection, not yet checked. */
  get client(): Holdfast {
    this.#client ??= new Holdfast({ redis: this.settings, prefix: this.prefix, instance: "cli" });
    return this.#client;
  }

  /** Connects. @throws HoldfastError redis_unavailable, redis_refused, redis_unsupported */
  async checked(): Promise<void> {
    await this.client.check(CONNECT_MS);
  }

  /** @throws HoldfastError redis_unavailable, redis_refused, redis_unsupported */
  async observer(): Promise<Observer> {
    await this.checked();
    this.#observer ??= new Observer({ client: this.client });
    return this.#observer;
  }

  /** A mistyped name creates a queue, so the command warns of one that does not exist. @param maker what creates it */
  async warnOfNewQueue(queue: string, maker = "this"): Promise<void> {
    if (await this.isNewQueue(queue))
      this.out.say(`holdfast: warning: there is no queue "${queue}" yet; ${maker} will create it`);
  }

  async isNewQueue(queue: string): Promise<boolean> {
    return isQueueName(queue) && !(await (await this.observer()).queues()).includes(queue);
  }

  /** Who works at this terminal, for the audit log. */
  by(reason?: string) {
    return {
      actor: this.#userName(),
      keyId: null,
      role: null,
      from: `cli@${hostname()}`,
      requestId: `cli-${process.pid}`,
      clientRequestId: null,
      reason: reason ?? null,
    };
  }

  /** Does what changes something, and leaves a record of it in the audit log, however it went. */
  async recorded<T>(
    mutation: Mutation,
    act: () => Promise<T>,
    doneOf: (result: T) => number | Done = () => 0,
  ): Promise<T> {
    const { reason, operationId = null, ...what } = mutation;
    const leave = async ({ count, code, interrupted = false, subject = mutation.subject }: Done) => {
      try {
        await this.client.actions.append({
          at: Date.now(),
          ...this.by(reason),
          ...what,
          subject: subject ?? null,
          operationId,
          count,
          code,
          outcome: outcomeOf(code, interrupted),
        });
      } catch (error) {
        // Where the reply was lost, so is the way to Redis: the error of the command says it.
        if (code === "outcome_unknown") return;
        this.out.say(`holdfast: the audit log has no record of this: ${messageOf(error)}`);
      }
    };
    let result: T;
    try {
      result = await act();
    } catch (error) {
      const { code } = asHoldfastError(error);
      // Where Redis is away nothing was done, and nothing can be written.
      if (code !== "redis_unavailable" && code !== "redis_refused") await leave({ count: 0, code });
      throw error;
    }
    const done = doneOf(result);
    await leave(typeof done === "number" ? { count: done, code: null } : done);
    return result;
  }

  #userName(): string {
    try {
      return userInfo().username;
    } catch {
      // A container can run as a number that has no name.
      return `uid ${process.getuid?.() ?? "unknown"}`;
    }
  }

  async close(): Promise<void> {
    await this.#client?.close();
  }
}

function outcomeOf(code: ErrorCode | null, interrupted: boolean): AuditOutcome {
  if (code === null) return interrupted ? "cancelled" : "succeeded";
  return ERROR_STATUS[code] < 500 ? "refused" : "failed";
}

export type Run<Options> = (
  context: Context,
  args: string[],
  options: Options,
  // biome-ignore lint/suspicious/noConfusingVoidType: a command that says nothing has done what it should
) => Promise<ExitCode | void>;

/** Makes a command of a function: it opens what it needs, and is closed in any case. */
export type Action = <Options = object>(run: Run<Options>) => (...params: unknown[]) => Promise<void>;

export function actions(io: Io, ended: (code: ExitCode) => void): Action {
  return (run) =>
    async (...params) => {
      const command = params.at(-1) as Command;
      const context = new Context(io, command.optsWithGlobals<GlobalOptions>());
      try {
        ended((await run(context, command.args, command.opts() as never)) ?? 0);
      } finally {
        await context.close();
      }
    };
}

export function formatOption(): Option {
  return new Option("-o, --output <format>", "form of the data").choices(FORMATS).default("table");
}

export { Command, CommanderError, InvalidArgumentError, Option };
