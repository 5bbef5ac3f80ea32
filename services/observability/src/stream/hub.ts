import {
  ANONYMOUS,
  type Identity,
  type OperationView,
  type QueueRates,
  type StreamMessage,
} from "@holdfast/contracts/api";
import { HoldfastError } from "holdfast";
import type { Logger } from "pino";
import type { WebSocket } from "ws";
import { totalsOf, visibleFrame } from "../operators/visible.ts";
import type { Sample, Sampler } from "../sampling/sampler.ts";

const OPEN = 1;
/** A client with this many unread bytes is disconnected. Those of 100 such clients still fit into memory. */
const MAX_BUFFERED_BYTES = 1_048_576;
const MAX_CLIENTS = 100;
/** A refused client may try again after this time, ms. The refusal tells it the time. */
const RETRY_MS = 5_000;
const PING_INTERVAL_MS = 15_000;
/** How often each client is checked for access, ms. Its session or key can expire without any event. */
const CHECK_INTERVAL_MS = 500;
/** The code with which a WebSocket is closed if the client is not authorised. It stands for the HTTP status 401. */
const UNAUTHORIZED = 4_401;
const MAX_ROWS = 200;
const MAX_OPERATIONS = 20;

export type StreamSocket = Pick<
  WebSocket,
  "send" | "ping" | "terminate" | "close" | "on" | "bufferedAmount" | "readyState"
>;

export interface StreamHubOptions {
  sampler: Pick<Sampler, "subscribe" | "latest">;
  rates: () => Record<string, QueueRates>;
  operations: (limit: number) => OperationView[];
  logger: Logger;
  onClients?: (count: number) => void;
  maxClients?: number;
  /** How many streams one key, person or address may have open. @default `maxClients` */
  maxPerKey?: number;
  pingIntervalMs?: number;
}

interface Client {
  socket: StreamSocket;
  who: string;
  seq: number;
  answeredPing: boolean;
  /** Identifies the client again. @throws if its session or key has ended */
  identify(): Identity;
}

/**
 * The clients of the live stream. Every frame contains the whole state. It is built once for all clients that see the
 * same queues.
 */
export class StreamHub {
  readonly #options: StreamHubOptions;
  readonly #clients = new Set<Client>();
  #unsubscribe: (() => void) | undefined;
  #pinger: NodeJS.Timeout | undefined;
  #checker: NodeJS.Timeout | undefined;

  constructor(options: StreamHubOptions) {
    this.#options = options;
  }

  get clients(): number {
    return this.#clients.size;
  }

  /**
   * Throws if there is no room for another stream.
   * @param who a key, a person or an address
   * @throws HoldfastError rate_limited: `who` or this process has too many streams
   */
  assertRoom(who: string): void {
    const { maxClients = MAX_CLIENTS, maxPerKey = maxClients } = this.#options;
    const full = (text: string) =>
      new HoldfastError("rate_limited", `${text}: close one, or try again later`, { retryAfterMs: RETRY_MS });
    if (this.#clients.size >= maxClients)
      throw full(`${maxClients} live streams are open, which is the limit`);
    let own = 0;
    for (const client of this.#clients) if (client.who === who) own++;
    if (own >= maxPerKey)
      throw full(`${own} live streams of this key or address are open, as many as STREAMS_PER_KEY allows`);
  }

  /**
   * @param identify called for each frame; throws if the client may no longer read
   * @param who the key, person or address that the stream is counted for
   */
  add(socket: StreamSocket, identify: () => Identity = () => ANONYMOUS, who = ""): void {
    try {
      this.assertRoom(who);
    } catch {
      // `assertRoom` ran before the upgrade, and other clients may have connected since.
      socket.close(1013, "too many clients");
      return;
    }
    const client: Client = { socket, who, seq: 0, answeredPing: true, identify };
    this.#clients.add(client);
    socket.on("close", () => this.#remove(client));
    // A frame above `maxPayload` raises this error, and the library closes the socket.
    socket.on("error", () => this.#remove(client));
    socket.on("pong", () => {
      client.answeredPing = true;
    });
    this.#watch();
    this.#options.onClients?.(this.#clients.size);
    this.#send(client, this.#bodyOf(this.#options.sampler.latest));
  }

  /** Closes the streams of clients that may no longer read. */
  check(): void {
    for (const client of [...this.#clients]) this.#identityOf(client);
  }

  stop(): void {
    for (const { socket } of this.#clients) socket.close(1001, "going away");
    this.#clients.clear();
    this.#unwatch();
  }

  #watch(): void {
    this.#unsubscribe ??= this.#options.sampler.subscribe((sample) => {
      const bodyFor = this.#bodyOf(sample);
      for (const client of [...this.#clients]) this.#send(client, bodyFor);
    });
    this.#checker ??= setInterval(() => this.check(), CHECK_INTERVAL_MS).unref();
    this.#pinger ??= setInterval(
      () => this.#ping(),
      this.#options.pingIntervalMs ?? PING_INTERVAL_MS,
    ).unref();
  }

  #unwatch(): void {
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
    clearInterval(this.#checker);
    this.#checker = undefined;
    clearInterval(this.#pinger);
    this.#pinger = undefined;
  }

  #remove(client: Client): void {
    if (!this.#clients.delete(client)) return;
    this.#options.onClients?.(this.#clients.size);
    if (this.#clients.size === 0) this.#unwatch();
  }

  #drop(client: Client, reason: string): void {
    this.#options.logger.warn(
      { reason, bufferedBytes: client.socket.bufferedAmount },
      "stream client dropped",
    );
    // `close` would wait until the client has read all frames, so `terminate` is called.
    client.socket.terminate();
    this.#remove(client);
  }

  #ping(): void {
    for (const client of [...this.#clients]) {
      if (!client.answeredPing) this.#drop(client, "no pong");
      else {
        client.answeredPing = false;
        client.socket.ping();
      }
    }
  }

  #identityOf(client: Client): Identity | undefined {
    try {
      return client.identify();
    } catch {
      client.socket.close(UNAUTHORIZED, "the key or session has ended");
      this.#remove(client);
      return undefined;
    }
  }

  #send(client: Client, bodyFor: (identity: Identity) => string): void {
    const identity = this.#identityOf(client);
    if (identity === undefined || client.socket.readyState !== OPEN) return;
    if (client.socket.bufferedAmount > MAX_BUFFERED_BYTES) {
      this.#drop(client, "slow");
      return;
    }
    client.seq += 1;
    client.socket.send(`{"seq":${client.seq},${bodyFor(identity)}`);
  }

  /**
   * Returns the frame without its beginning, which has the sequence number of the client. The rest is built once for
   * all clients that see the same queues.
   */
  #bodyOf(sample: Sample): (identity: Identity) => string {
    const bodies = new Map<string, string>();
    const { rates, operations } = this.#options;
    const whole: Omit<StreamMessage, "seq"> = {
      type: "snapshot",
      at: sample.at,
      sampledAt: sample.sampledAt,
      redisUp: sample.redisUp,
      queues: sample.queues,
      ...totalsOf(sample.queues),
      rates: rates(),
      workers: sample.workers,
      operations: operations(MAX_OPERATIONS),
    };
    return (identity) => {
      const key = identity.queues?.join() ?? "*";
      let body = bodies.get(key);
      if (body === undefined) {
        const frame = visibleFrame(identity, whole);
        const cut = {
          ...frame,
          queues: worstFew(frame.queues),
          workers: frame.workers.slice(0, MAX_ROWS),
        };
        body = JSON.stringify(cut).slice(1);
        bodies.set(key, body);
      }
      return body;
    };
  }
}

function worstFew(queues: StreamMessage["queues"]): StreamMessage["queues"] {
  if (queues.length <= MAX_ROWS) return queues;
  const waiting = (queue: { pending: number; scheduled: number }) => queue.pending + queue.scheduled;
  return [...queues]
    .sort((a, b) => Math.sign(b.dead) - Math.sign(a.dead) || waiting(b) - waiting(a))
    .slice(0, MAX_ROWS);
}
