import { randomUUID } from "node:crypto";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { type BlockList, isIP } from "node:net";
import { blockListOf, isTrusted, networkOf } from "../config/addresses.ts";
import type { Logger } from "../logger.ts";
import { PROBLEM_MEDIA_TYPE, type ProblemCode, problem } from "./problem.ts";

/**
 * How long a client that has its answer may go on with its body, ms. Cut at once, it could lose the answer: bytes that
 * nobody reads make the kernel reset the connection.
 */
const LINGER_MS = 2_000;
/** So many connections beyond the share of an address are told why they are closed; the others are closed at once. */
const TOLD = 32;
const LOG_EVERY_MS = 30_000;

export interface ConnectionOptions {
  /** Connections of one address at a time; 0: no cap. */
  perAddress: number;
  /** Their connections are those of many clients, and are not counted. */
  trustedProxies?: readonly string[] | undefined;
  logger: Logger;
}

interface LongBody {
  request: IncomingMessage;
  response: ServerResponse;
  /** By `performance.now()`. */
  until: number;
}

/** What one address, and one body, may take of a server's connections. */
export class Connections {
  readonly #options: ConnectionOptions;
  readonly #proxies: BlockList;
  readonly #byNetwork = new Map<string, number>();
  readonly #closing = new Set<Socket>();
  readonly #longBodies = new WeakMap<Socket, LongBody>();
  #loggedAt = Number.NEGATIVE_INFINITY;

  constructor(server: Server, options: ConnectionOptions) {
    this.#options = options;
    this.#proxies = blockListOf(options.trustedProxies ?? []);
    if (options.perAddress > 0) server.on("connection", (socket: Socket) => this.#count(socket));
  }

  /** Whether it is one too many of its address, or about to be closed: nothing that comes over it is done. */
  isClosing(socket: Socket): boolean {
    return this.#closing.size > 0 && this.#closing.has(socket);
  }

  /**
   * Closes a connection once its answer, which says `Connection: close`, was sent. Node would close it at once by itself,
   * also where the request still arrives.
   */
  closeAfterAnswer(socket: Socket): void {
    this.#close(socket);
    socket.destroySoon = () => {
      socket.end();
      destroyLater(socket);
    };
  }

  /** Lets the body of a request that was let in arrive for `ms`, where others have the time of the server. */
  allowLong(request: IncomingMessage, response: ServerResponse, ms: number): void {
    this.#longBodies.set(request.socket, { request, response, until: performance.now() + ms });
  }

  /** Called when the time of a request is over. True: it is one that has longer, and is cut when that is over as well. */
  goesOn(socket: Socket): boolean {
    const long = this.#longBodies.get(socket);
    const leftMs = (long?.until ?? 0) - performance.now();
    if (long === undefined || long.request.complete || leftMs <= 0) return false;
    const timer = setTimeout(() => {
      if (long.request.complete) return;
      // Behind the first bytes of an answer there is no place for another one.
      if (long.response.headersSent) socket.destroy();
      else answerRaw(socket, 408, "request_timeout", "the request did not arrive in time");
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
 * Closes the connection of an answered request whose body does not end soon: nobody reads it, and it could go on for as
 * long as the client likes.
 */
export function hangUp(request: IncomingMessage): void {
  request.once("end", destroyLater(request.socket));
}

/** @returns leaves the connection open after all */
function destroyLater(socket: Socket): () => void {
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  const cancel = () => {
    clearTimeout(timer);
    // One connection carries many requests.
    socket.removeListener("close", cancel);
  };
  socket.once("close", cancel);
  return cancel;
}

/** Answers what never came to be a request, and closes the connection, also where the client keeps its end open. */
export function answerRaw(socket: Socket, status: number, code: ProblemCode, detail: string): void {
  const body = problem(code, status, detail, randomUUID());
  const text = JSON.stringify(body);
  socket.end(
    `HTTP/1.1 ${status} ${body.title}\r\nContent-Type: ${PROBLEM_MEDIA_TYPE}\r\nContent-Length: ${Buffer.byteLength(text)}\r\nConnection: close\r\n\r\n${text}`,
  );
  destroyLater(socket);
}
