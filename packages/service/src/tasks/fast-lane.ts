import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { HoldfastError, includesScope, isQueueName } from "@holdfast/contracts";
import type { Identity } from "@holdfast/contracts/api";
import { traceContextOf } from "holdfast";
import { clientRequestId, PROBLEM_MEDIA_TYPE, toProblem } from "../http/problem.ts";
import type { HttpServer } from "../http/types.ts";
import { type Identify, mayUseQueue } from "../identity/access.ts";
import { bucketOf, rateHeaders } from "../identity/rate-limit.ts";
import { storeArray } from "./batch.ts";
import { type Answer, Intake, type Posted, type TaskRouteOptions } from "./intake.ts";
import { BATCH_LIMIT_BYTES, BODY_LIMIT_BYTES } from "./routes.ts";

const PATH = /^\/v1\/queues\/([^/?]+)\/tasks(\/batch)?$/;
const JSON_TYPE = "application/json; charset=utf-8";
const PROBLEM_TYPE = `${PROBLEM_MEDIA_TYPE}; charset=utf-8`;
const TYPES = new Set(["application/json", JSON_TYPE, "application/json;charset=utf-8"]);

// Of the security headers, only these matter for an answer that no browser displays.
const SECURITY = {
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
};
const SECURITY_LIST = Object.entries(SECURITY).flat();

const RECHECK_MS = 1_000;

/** The parts of a URL path that the fast lane serves, with an allowed Host. */
interface Target {
  url: string;
  host: string | undefined;
  /** The name of the queue. */
  name: string;
  isBatch: boolean;
  route: string;
  /** The last sender that was allowed to enqueue here. An identity never changes, so it is checked only once. */
  sender: Identity | undefined;
}

/**
 * Serves the two POSTs of tasks directly from node:http, which is much cheaper than Fastify. The function `serve`
 * decides which requests are served here. Fastify serves all others, with the same answers. Hooks that callers add to
 * Fastify do not run for a request that is served here.
 */
export function registerFastLane(app: HttpServer, options: TaskRouteOptions): void {
  const { isHostAllowed, identify, limiter, hasProxies, closing } = app.basics;
  const lane: Lane = { app, intake: new Intake(options, app.basics), isClosing: false };
  app.addHook("preClose", (done) => {
    lane.isClosing = true;
    done();
  });

  // Most requests have the same path and Host as the request before.
  let last: Target | undefined;
  const targetOf = (url: string, host: string | undefined): Target | undefined => {
    if (last?.url === url && last.host === host) return last;
    const [, name, batch] = PATH.exec(url) ?? [];
    if (name === undefined || !isQueueName(name) || !isHostAllowed(host)) return undefined;
    const isBatch = batch !== undefined;
    const route = `/v1/queues/:queue/tasks${isBatch ? "/batch" : ""}`;
    last = { url, host, name, isBatch, route, sender: undefined };
    return last;
  };

  const serve = (request: IncomingMessage, response: ServerResponse): boolean => {
    if (request.method !== "POST" || lane.isClosing) return false;
    const { headers } = request;
    const target = targetOf(request.url ?? "", headers.host);
    if (target === undefined) return false;
    const length = Number(headers["content-length"]);
    const key = headers["idempotency-key"];
    if (
      !TYPES.has(headers["content-type"] ?? "") ||
      !(length > 0 && length <= (target.isBatch ? BATCH_LIMIT_BYTES : BODY_LIMIT_BYTES)) ||
      headers["transfer-encoding"] !== undefined ||
      headers["content-encoding"] !== undefined ||
      // Fastify serves these requests. A batch with results as lines is a stream, and an Idempotency-Key is valid
      // only for a single task.
      (target.isBatch && (key !== undefined || headers.accept?.includes("ndjson"))) ||
      (key !== undefined && (typeof key !== "string" || key === "" || key.length > 255)) ||
      closing.has(request.socket)
    ) {
      return false;
    }
    // Fastify answers a sender who has no access or sends too many requests, so that the refusal is the same on all
    // routes.
    const identity = enqueuer(identify, request, target);
    // Behind a proxy, Fastify finds the address of a client in the headers.
    if (identity === undefined || (hasProxies && identity.keyId === null)) return false;
    const ip = request.socket.remoteAddress ?? "";
    const verdict = limiter?.take(bucketOf(identity, ip));
    if (verdict?.isAllowed === false) return false;
    const trace = headers.traceparent === undefined ? undefined : traceContextOf(headers);
    const posted = { queue: target.name, identity, ip, body: undefined, key, trace };
    const rate = verdict === undefined ? [] : rateHeaders(verdict);
    const exchange = new Exchange(lane, target, request, response, posted, rate);
    request.on("data", (chunk: Buffer) => exchange.add(chunk));
    // If the client disconnects before the whole body has arrived, "end" is never emitted.
    request.on("end", () => exchange.run());
    return true;
  };

  const others = app.server.listeners("request");
  if (others.length === 0) throw new Error("the server has no request listener");
  app.server.removeAllListeners("request");
  app.server.on("request", (request: IncomingMessage, response: ServerResponse) => {
    if (!serve(request, response)) for (const other of others) other.call(app.server, request, response);
  });
}

/** Returns the sender of the request if it may enqueue here. */
function enqueuer(identify: Identify, request: IncomingMessage, target: Target): Identity | undefined {
  try {
    const identity = identify(request);
    if (identity === target.sender) return identity;
    if (!includesScope(identity.scopes, "enqueue") || !mayUseQueue(identity, target.name)) return undefined;
    target.sender = identity;
    return identity;
  } catch {
    return undefined;
  }
}

interface Lane {
  app: HttpServer;
  intake: Intake;
  isClosing: boolean;
}

class Exchange {
  readonly #lane: Lane;
  readonly #target: Target;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #posted: Posted;
  readonly #id = randomUUID();
  /** The headers of the rate limit in the answer. */
  readonly #rate: string[];
  readonly #startedAt = performance.now();
  readonly #chunks: Buffer[] = [];

  constructor(
    lane: Lane,
    target: Target,
    request: IncomingMessage,
    response: ServerResponse,
    posted: Posted,
    rate: string[],
  ) {
    this.#lane = lane;
    this.#target = target;
    this.#request = request;
    this.#response = response;
    this.#posted = posted;
    this.#rate = rate;
  }

  add(chunk: Buffer): void {
    this.#chunks.push(chunk);
  }

  run(): void {
    const { app, intake } = this.#lane;
    // The body took so long to arrive that the key may have been revoked meanwhile.
    if (
      performance.now() - this.#startedAt > RECHECK_MS &&
      enqueuer(app.basics.identify, this.#request, this.#target) === undefined
    ) {
      this.#fail(new HoldfastError("unauthorized", "this key may no longer enqueue here"));
      return;
    }
    const [first] = this.#chunks;
    this.#posted.body = this.#chunks.length === 1 ? first : Buffer.concat(this.#chunks);
    const answer = this.#target.isBatch ? storeArray(intake, this.#posted) : intake.one(this.#posted);
    answer.then(
      (answer) => this.#send(answer),
      (error) => this.#fail(error),
    );
  }

  #fail(error: unknown): void {
    const { app } = this.#lane;
    const { body, retryAfter, unexpected } = toProblem(error, this.#id);
    if (unexpected)
      app.log.error({ ...this.#ids(), err: error, route: this.#target.route }, "request failed");
    else if (body.status >= 500)
      app.log.warn({ ...this.#ids(), code: body.code, reason: body.detail }, "request refused");
    const headers = retryAfter === undefined ? [] : ["retry-after", String(retryAfter)];
    this.#send({ status: body.status, text: JSON.stringify(body), headers }, PROBLEM_TYPE);
  }

  /** Returns the fields that Fastify adds to the log lines of a request. */
  #ids(): { reqId: string; clientRequestId?: string } {
    const given = clientRequestId(this.#request.headers);
    return { reqId: this.#id, ...(given === null ? {} : { clientRequestId: given }) };
  }

  #send({ status, text, bytes, headers }: Omit<Answer, "accepted">, type = JSON_TYPE): void {
    const length = bytes ?? Buffer.byteLength(text);
    // Node writes a flat list of headers (name, value, name, value) much faster than an object.
    const list = SECURITY_LIST.concat("x-request-id", this.#id, "content-type", type, "content-length");
    list.push(String(length), ...headers, ...this.#rate);
    if (this.#lane.isClosing) list.push("connection", "close");
    this.#response.writeHead(status, list);
    // If the text has as many bytes as characters, latin1 gives the same bytes as UTF-8 and is faster.
    this.#response.end(text, length === text.length ? "latin1" : "utf8");
    const seconds = (performance.now() - this.#startedAt) / 1_000;
    this.#lane.app.basics.observe("POST", this.#target.route, status, seconds);
  }
}
