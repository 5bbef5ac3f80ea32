import type { Connection } from "../redis/connection.ts";
import { type QueueKeys, queueKeys } from "../redis/keys.ts";
import type { Script } from "../redis/script.ts";
import type { TailBytes } from "../redis/tail-bytes.ts";
import { type Request, RequestSlots } from "./requests.ts";

/** The arguments of every script that keeps its reply for a repeated call. */
interface Requested {
  clockMs: number;
  requestSlot: string;
  sequence: number;
}

/** Calls the scripts of one queue. It adds the keys of the queue, the clock and a request id. */
export class QueueScripts {
  readonly queue: string;
  readonly keys: QueueKeys;
  readonly connection: Connection;
  readonly #requests: RequestSlots;
  readonly clockMs: () => number;
  protected readonly register: () => Promise<void>;

  /**
   * @param options.register adds the queue to the registry @default does nothing, so that operators and janitors do not
   * see the queue
   * @param options.clockMs for tests: the time that the scripts use instead of the time of Redis. 0: the time of Redis
   */
  constructor(
    connection: Connection,
    queue: string,
    options: {
      prefix?: string | undefined;
      instance?: string | undefined;
      register?: () => Promise<void>;
      clockMs?: () => number;
    } = {},
  ) {
    this.queue = queue;
    this.connection = connection;
    this.keys = queueKeys(options.prefix ?? "queue", queue);
    this.#requests = new RequestSlots(options.instance);
    this.register = options.register ?? (async () => {});
    this.clockMs = options.clockMs ?? (() => 0);
  }

  protected run<Args, Reply>(script: Script<Args>, args: Args, tail?: TailBytes): Promise<Reply> {
    return this.connection.script<Args, Reply>(script, this.keys, args, undefined, tail);
  }

  /** @param request the request id of a caller that repeats the call until it is answered @default a new one */
  protected withRequest<Result>(
    call: (request: Request) => Promise<Result>,
    request?: Request,
  ): Promise<Result> {
    return request ? call(request) : this.#requests.with(call);
  }

  /** Runs a script, and adds the request id and the clock to its arguments. */
  runRequest<Args extends Requested, Reply>(
    script: Script<Args>,
    args: Omit<Args, keyof Requested>,
    request?: Request,
  ): Promise<Reply> {
    return this.withRequest(
      ({ requestSlot, sequence }) =>
        this.run<Args, Reply>(script, { clockMs: this.clockMs(), requestSlot, sequence, ...args } as Args),
      request,
    );
  }

  /** Returns a request id for a call that the caller itself repeats until it is answered. */
  takeRequest() {
    return this.#requests.take();
  }

  giveRequest(request: { readonly index: number }): void {
    this.#requests.give(request);
  }
}
