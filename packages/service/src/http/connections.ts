import { randomUUID } from "node:crypto";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { type BlockList, isIP } from "node:net";
import { blockListOf, isTrusted, networkOf } from "../config/addresses.ts";
import type { Logger } from "../logger.ts";
import { PROBLEM_MEDIA_TYPE, type ProblemCode, problem } from "./problem.ts";

/**
 * How long a client may continue to send a body after the answer, ms. If the connection were closed at once, the kernel
 * would reset it because of the unread bytes, and the client could lose the answer.
 */
const LINGER_MS = 2_000;
/**
 * If an address exceeds its limit, this many further connections get an answer with the reason. The next ones are
 * closed without an answer.
 */
const TOLD = 32;
const LOG_EVERY_MS = 30_000;

export interface ConnectionOptions {
  /** The most open connections per address; 0: no limit. */
  perAddress: number;
  /** The addresses of proxies. One connection of a proxy serves many clients, so these connections are not counted. */
  trustedProxies?: readonly string[] | undefined;
  logger: Logger;
}

interface LongBody {
  request: IncomingMessage;
  response: ServerResponse;
  /** The deadline, by the clock of `performance.now()`. */
  until: number;
}

/** Limits how many connections one address may hold, and how long one request body may keep a connection open. */
export class Connections {
  readonly #closing = new Set<Socket>();
  /**
   * Connections whose requests are refused, because their address has too many connections or because they are being
   * closed.
   */
  readonly closing: ReadonlySet<Socket> = this.#closing;
  readonly #options: ConnectionOptions;
  readonly #proxies: BlockList;
  readonly #byNetwork = new Map<string, number>();
  readonly #longBodies = new WeakMap<Socket, LongBody>();
  #loggedAt = Number.NEGATIVE_INFINITY;

  constructor(server: Server, options: ConnectionOptions) {
    this.#options = options;
    this.#proxies = blockListOf(options.trustedProxies ?? []);
    if (options.perAddress > 0) server.on("connection", (socket: Socket) => this.#count(socket));
  }

  /**
   * Closes a connection after an answer with `Connection: close` was sent. Node would close it at once, even while the
   * request is still arriving.
   */
  closeAfterAnswer(socket: Socket): void {
    this.#close(socket);
    socket.destroySoon = () => {
      socket.end();
      destroyLater(socket);
    };
  }

  /** Gives the body of an authenticated request `ms` to arrive, instead of the `requestTimeout` of the server. */
  allowLong(request: IncomingMessage, response: ServerResponse, ms: number): void {
    this.#longBodies.set(request.socket, { request, response, until: performance.now() + ms });
  }

  /**
   * Called when a request has exceeded the `requestTimeout` of the server. Returns true if `allowLong` gave the request
   * more time, and then cuts the request off when that time ends.
   */
  goesOn(socket: Socket): boolean {
    const long = this.#longBodies.get(socket);
    const leftMs = (long?.until ?? 0) - performance.now();
    if (long === undefined || long.request.complete || leftMs <= 0) return false;
    const timer = setTimeout(() => {
      if (long.request.complete) return;
      // The first bytes of an answer were sent, so no other answer is possible.
      if (long.response.headersSent) socket.destroy();
      else answerRaw(socket, 408, "request_timeout", "the request took too long to arrive: send it again");
    }, leftMs);
    long.request.once("close", () => clearTimeout(timer));
    return true;
  }

  #count(socket: Socket): void {
    const address = socket.remoteAddress;
    if (address === undefined || isIP(address) === 0 || isTrusted(this.#proxies, address)) return;
    const { perAddress } = this.#options;
    const network = networkOf(address);
    const count = (this.#byNetwork.get(network) ?? 0) + 1;
    this.#byNetwork.set(network, count);
    socket.once("close", () => {
      const left = (this.#byNetwork.get(network) ?? 1) - 1;
      if (left > 0) this.#byNetwork.set(network, left);
      else this.#byNetwork.delete(network);
    });
    if (count <= perAddress) return;
    this.#log(network);
    if (count > perAddress + TOLD) {
      socket.destroy();
      return;
    }
    this.#close(socket);
    destroyLater(socket);
  }

  #close(socket: Socket): void {
    if (this.#closing.has(socket)) return;
    this.#closing.add(socket);
    socket.once("close", () => this.#closing.delete(socket));
  }

  #log(from: string): void {
    const now = performance.now();
    if (now - this.#loggedAt < LOG_EVERY_MS) return;
    this.#loggedAt = now;
    const { logger, perAddress } = this.#options;
    logger.warn({ from, perAddress }, "too many connections from one address: see CONNECTIONS_PER_ADDRESS");
  }
}

/**
 * Closes the connection of an answered request if its body does not end within LINGER_MS. Nobody reads that body, and
 * a client could send it for ever.
 */
export function hangUp(request: IncomingMessage): void {
  request.once("end", destroyLater(request.socket));
}

/** @returns a function that cancels the close */
function destroyLater(socket: Socket): () => void {
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  const cancel = () => {
    clearTimeout(timer);
    // One connection carries many requests, and each request would leave a listener behind.
    socket.removeListener("close", cancel);
  };
  socket.once("close", cancel);
  return cancel;
}

/** Answers bytes that are not a valid request. Closes the connection even if the client keeps its side open. */
export function answerRaw(socket: Socket, status: number, code: ProblemCode, detail: string): void {
  const body = problem(code, status, detail, randomUUID());
  const text = JSON.stringify(body);
  socket.end(
    `HTTP/1.1 ${status} ${body.title}\r\nContent-Type: ${PROBLEM_MEDIA_TYPE}\r\nContent-Length: ${Buffer.byteLength(text)}\r\nConnection: close\r\n\r\n${text}`,
  );
  destroyLater(socket);
}
