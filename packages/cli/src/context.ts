import { hostname, userInfo } from "node:os";
import { asHoldfastError, ERROR_STATUS, isQueueName } from "@holdfast/contracts";
import type { AuditAction, AuditOutcome } from "@holdfast/contracts/api";
import { Argument, Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { type ConnectionSettings, describeRedis, type ErrorCode, Holdfast, Observer } from "holdfast";
import { type ExitCode, messageOf } from "./exit.ts";
import { FORMATS, type Format, Output } from "./output.ts";
import { type Environment, keyPrefix, redisSettings } from "./redis-address.ts";

/** What a command uses of its process: the environment, input, output and signals. */
export interface Io {
  env: Environment;
  stdin: NodeJS.ReadStream;
  stdout: NodeJS.WriteStream;
  stderr: NodeJS.WriteStream;
  /** Returns the error of the first write to stdout that failed. All later output is lost as well. */
  outputError(): NodeJS.ErrnoException | null;
  /** Aborted when the user or the system asks the command to end. */
  signal: AbortSignal;
}

/** A change by an operator, as the audit log records it. */
export interface Mutation {
  action: AuditAction;
  queue: string | null;
  /** The task, schedule, worker or key that is changed, if the change concerns a single one. */
  subject?: string | undefined;
  operationId?: string;
  reason?: string | undefined;
}

/** The outcome of a change that did not throw: the number of tasks, and an error code if some were refused. */
export interface Done {
  count: number;
  code: ErrorCode | null;
  /** Whether the user interrupted the change. */
  interrupted?: boolean;
  /** The id of the changed task, schedule, worker or key, if it is known only after the change. */
  subject?: string;
}

export interface GlobalOptions {
  redis?: string;
  prefix?: string;
  output: Format;
  json?: boolean;
}

// How long a command waits for a connection to Redis, ms. A service waits longer, but here a user waits at a
// terminal.
const CONNECT_MS = 3_000;

/** The options, the output and the Redis connection of a command. The connection opens when it is first used. */
export class Context {
  readonly io: Io;
  readonly out: Output;
  readonly settings: ConnectionSettings;
  readonly prefix: string;
  /** The value of the option `--redis`. */
  readonly given: string | undefined;
  #client: Holdfast | undefined;
  #observer: Observer | undefined;

  constructor(io: Io, options: GlobalOptions) {
    this.io = io;
    this.out = new Output(io.stdout, io.stderr, options.json ? "json" : options.output);
    this.given = options.redis;
    this.settings = redisSettings(io.env, options.redis);
    this.prefix = keyPrefix(io.env, options.prefix);
  }

  /** The address of Redis as "host:port", without credentials. */
  get where(): string {
    return describeRedis(this.settings);
  }

  /** The connection to Redis. It is not checked yet: `checked` does that. */
  get client(): Holdfast {
    this.#client ??= new Holdfast({ redis: this.settings, prefix: this.prefix, instance: "cli" });
    return this.#client;
  }

  /**
   * Connects, and checks that Holdfast can use this Redis (version, settings, rights). @throws HoldfastError
   * redis_unavailable, redis_refused, redis_unsupported
   */
  async checked(): Promise<void> {
    await this.client.check(CONNECT_MS);
  }

  /** @throws HoldfastError redis_unavailable, redis_refused, redis_unsupported */
  async observer(): Promise<Observer> {
    await this.checked();
    this.#observer ??= new Observer({ client: this.client });
    return this.#observer;
  }

  /**
   * Warns if the queue does not exist, because a mistyped name would create a new queue. @param maker the thing that
   * will create the queue, as the warning names it
   */
  async warnOfNewQueue(queue: string, maker = "this"): Promise<void> {
    if (await this.isNewQueue(queue))
      this.out.say(`holdfast: warning: there is no queue "${queue}" yet; ${maker} will create it`);
  }

  async isNewQueue(queue: string): Promise<boolean> {
    return isQueueName(queue) && !(await (await this.observer()).queues()).includes(queue);
  }

  /** Returns the user of this terminal, for the audit log. */
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

  /** Makes a change and records it in the audit log, whether it succeeds or not. */
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
        // The reply of Redis was lost, so the audit record cannot be written either. The error of the command already
        // says so.
        if (code === "outcome_unknown") return;
        this.out.say(`holdfast: the audit log has no record of this: ${messageOf(error)}`);
      }
    };
    let result: T;
    try {
      result = await act();
    } catch (error) {
      const { code } = asHoldfastError(error);
      // If Redis cannot be reached or refuses this client, nothing was changed and no record can be written.
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
      // In a container, the user id of the process may have no name.
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
  // biome-ignore lint/suspicious/noConfusingVoidType: a command that returns nothing has succeeded
) => Promise<ExitCode | void>;

/** Turns a function into a command. The command closes its context even if the function throws. */
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
  return new Option("-o, --output <format>", "format of the data").choices(FORMATS).default("table");
}

export { Argument, Command, CommanderError, InvalidArgumentError, Option };
