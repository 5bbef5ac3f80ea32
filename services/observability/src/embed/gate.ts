import { randomUUID } from "node:crypto";
import { type IncomingMessage, type Server, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { Identity } from "@holdfast/contracts/api";
import { type HttpServer, type Identify, PROBLEM_MEDIA_TYPE, problem } from "@holdfast/service";
import { HoldfastError } from "holdfast";

/** How often the senders of open requests are identified again, ms. */
const AGAIN_MS = 10_000;
/**
 * How long a live connection may last, ms. Data that the middleware of the app has read for its request, such as a
 * session, gets old. The page connects again at once, and its new request passes the middleware.
 */
const STREAM_MS = 300_000;

interface Upgrade {
  socket: Duplex;
  head: Buffer;
}

interface Open {
  /** The request object of the app's framework. */
  request: object;
  identity: Identity;
  /** The end of a live connection, by the clock of `performance.now()`; undefined for any other request. */
  until: number | undefined;
}

export interface GateOptions {
  /** The path of the dashboard in the app. */
  path: string;
  /** Returns null for a sender who may not use the dashboard. */
  identify(request: object): Promise<Identity | null>;
  onError(error: unknown): void;
}

/**
 * Stands between the app and the server of the dashboard, which does not listen on a port. It passes on only requests
 * whose sender the app has identified.
 */
export class Gate {
  readonly path: string;
  readonly #identify: GateOptions["identify"];
  readonly #onError: GateOptions["onError"];
  readonly #open = new Map<IncomingMessage, Open>();
  readonly #upgrades = new WeakMap<IncomingMessage, Upgrade>();
  readonly #servers = new Map<Server, (request: IncomingMessage, socket: Duplex, head: Buffer) => void>();
  readonly #losses = new Set<() => void>();
  readonly #timer: NodeJS.Timeout;
  #server: Promise<HttpServer> | undefined;
  #stopped: Promise<void> | undefined;
  #close: () => Promise<void> = async () => {};

  constructor({ path, identify, onError }: GateOptions) {
    this.path = path;
    this.#identify = identify;
    this.#onError = onError;
    this.#timer = setInterval(() => void this.#identifyAgain(), AGAIN_MS).unref();
  }

  /** Returns the sender of a request that came through this gate. The server of the dashboard calls this. */
  readonly identityOf: Identify = (raw) => {
    const open = this.#open.get(raw as IncomingMessage);
    if (open === undefined || (open.until ?? Number.POSITIVE_INFINITY) < performance.now())
      throw new HoldfastError("unauthorized", "the app no longer lets you use this dashboard");
    return open.identity;
  };

  /** Calls the listener when the sender of an open request may have lost access. */
  onLoss(listener: () => void): () => void {
    this.#losses.add(listener);
    return () => this.#losses.delete(listener);
  }

  /** Sets the server of the dashboard, and the function that closes it. */
  open(server: Promise<HttpServer>, close: () => Promise<void>): void {
    this.#server = server;
    this.#close = close;
  }

  /** Returns the sender of a request, or null if the sender may not use the dashboard. */
  async admit(request: object, raw: IncomingMessage): Promise<Identity | null> {
    if (raw.readableDidRead) {
      throw new HoldfastError(
        "internal",
        "the body of this request was read before the dashboard got it: call mountDashboard before express.json() and other parsers of bodies",
      );
    }
    await this.#server;
    return await this.#identify(request);
  }

  /** Passes a request to the server of the dashboard, or refuses it. */
  async serve(
    request: object,
    identity: Identity | null,
    raw: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    if (identity === null) {
      refuse(response, "forbidden", 403, "the app does not let you use this dashboard: log in to the app");
      return;
    }
    const server = await this.#server;
    if (server === undefined || this.#stopped !== undefined) {
      refuse(response, "redis_unavailable", 503, "the dashboard is being stopped");
      return;
    }
    const upgrade = this.#upgrades.get(raw);
    const until = upgrade && performance.now() + STREAM_MS;
    this.#open.set(raw, { request, identity, until });
    (upgrade?.socket ?? response).once("close", () => this.#open.delete(raw));
    if (upgrade === undefined) {
      server.server.emit("request", raw, response);
      return;
    }
    response.detachSocket(raw.socket);
    server.server.emit("upgrade", raw, upgrade.socket, upgrade.head);
  }

  /**
   * Lets live connections through. Node gives an upgrade request to the listeners of a server, and not to the app. So
   * the upgrade is turned into a request without a body, which passes the middleware of the app like any other.
   */
  attach(server: Server): void {
    if (this.#servers.has(server) || this.#stopped !== undefined) return;
    const onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      const path = (request.url ?? "").split("?", 1)[0];
      if (path === `${this.path}/v1/stream`) this.#upgrades.set(request, { socket, head });
      // Another listener of the app handles upgrades that are not for the dashboard, such as `Upgrade: h2c`.
      else if (server.listenerCount("upgrade") > 1) return;
      socket.on("error", () => socket.destroy());
      const response = new ServerResponse(request);
      response.shouldKeepAlive = false;
      response.on("finish", () => socket.end());
      try {
        response.assignSocket(request.socket);
      } catch {
        // Another listener, such as that of @fastify/websocket, has already turned the upgrade into a request.
        return;
      }
      server.emit("request", request, response);
    };
    this.#servers.set(server, onUpgrade);
    server.prependListener("upgrade", onUpgrade);
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#close();
    for (const [server, listener] of this.#servers) server.removeListener("upgrade", listener);
  }

  async #identifyAgain(): Promise<void> {
    await Promise.all(
      [...this.#open].map(async ([raw, open]) => {
        try {
          const identity = await this.#identify(open.request);
          if (identity === null) this.#open.delete(raw);
          else open.identity = identity;
        } catch (error) {
          this.#open.delete(raw);
          this.#onError(error);
        }
      }),
    );
    for (const listener of this.#losses) listener();
  }
}

function refuse(
  response: ServerResponse,
  code: "forbidden" | "redis_unavailable",
  status: number,
  detail: string,
): void {
  const body = problem(code, status, detail, randomUUID());
  response.writeHead(status, { "content-type": PROBLEM_MEDIA_TYPE, "cache-control": "no-store" });
  response.end(JSON.stringify(body));
}
