import type { OperationView, QueueRates, StreamMessage } from "@holdfast/contracts/api";
import type { Logger } from "pino";
import type { WebSocket } from "ws";
import type { Sample, Sampler } from "../sampling/sampler.ts";

const OPEN = 1;
/** What a client may leave unread before it is cut off: many frames, and little memory for 100 clients. */
const MAX_BUFFERED_BYTES = 1_048_576;
const MAX_CLIENTS = 100;
const PING_INTERVAL_MS = 15_000;
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
  pingIntervalMs?: number;
}

interface Client {
  socket: StreamSocket;
  seq: number;
  answeredPing: boolean;
}

/** All clients of the live stream. Every frame is the whole picture, made once for all of them. */
export class StreamHub {
  readonly #options: StreamHubOptions;
  readonly #clients = new Set<Client>();
  #unsubscribe: (() => void) | undefined;
  #pinger: NodeJS.Timeout | undefined;

  constructor(options: StreamHubOptions) {
    this.#options = options;
  }

  get clients(): number {
    return this.#clients.size;
  }

  add(socket: StreamSocket): void {
    if (this.#clients.size >= (this.#options.maxClients ?? MAX_CLIENTS)) {
      socket.close(1013, "too many clients");
      return;
    }
    const client: Client = { socket, seq: 0, answeredPing: true };
    this.#clients.add(client);
    socket.on("close", () => this.#remove(client));
    // A frame above `maxPayload` ends up here; the socket closes itself afterwards.
    socket.on("error", () => this.#remove(client));
    socket.on("pong", () => {
      client.answeredPing = true;
    });
    this.#watch();
    this.#options.onClients?.(this.#clients.size);
    this.#send(client, this.#bodyOf(this.#options.sampler.latest));
  }

  stop(): void {
    for (const { socket } of this.#clients) socket.close(1001, "going away");
    this.#clients.clear();
    this.#unwatch();
  }

  #watch(): void {
    this.#unsubscribe ??= this.#options.sampler.subscribe((sample) => {
      const body = this.#bodyOf(sample);
      for (const client of [...this.#clients]) this.#send(client, body);
    });
    this.#pinger ??= setInterval(
      () => this.#ping(),
      this.#options.pingIntervalMs ?? PING_INTERVAL_MS,
    ).unref();
  }

  #unwatch(): void {
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
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
    // `close` would wait behind everything that the client does not read.
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

  #send(client: Client, body: string): void {
    if (client.socket.readyState !== OPEN) return;
    if (client.socket.bufferedAmount > MAX_BUFFERED_BYTES) {
      this.#drop(client, "slow");
      return;
    }
    client.seq += 1;
    client.socket.send(`{"seq":${client.seq},${body}`);
  }

  /** The frame but for its opening, which carries the number of the client. */
  #bodyOf(sample: Sample): string {
    const waiting = (queue: { pending: number; scheduled: number }) => queue.pending + queue.scheduled;
    const queues =
      sample.queues.length <= MAX_ROWS
        ? sample.queues
        : [...sample.queues].sort((a, b) => waiting(b) - waiting(a)).slice(0, MAX_ROWS);
    const message: Omit<StreamMessage, "seq"> = {
      type: "snapshot",
      at: sample.at,
      sampledAt: sample.sampledAt,
      redisUp: sample.redisUp,
      queues,
      queuesTotal: sample.queues.length,
      rates: this.#options.rates(),
      workers: sample.workers.slice(0, MAX_ROWS),
      operations: this.#options.operations(MAX_OPERATIONS),
    };
    return JSON.stringify(message).slice(1);
  }
}
