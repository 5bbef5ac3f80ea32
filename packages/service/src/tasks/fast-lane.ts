import type { IncomingMessage, ServerResponse } from "node:http";
import { HoldfastError, includesScope, isQueueName } from "@holdfast/contracts";
import type { Identity } from "@holdfast/contracts/api";
import { type Queue, type TraceContext, traceContextOf } from "holdfast";
import { PROBLEM_MEDIA_TYPE, toProblem } from "../http/problem.ts";
import { clientRequestId } from "../http/server.ts";
import type { HttpServer } from "../http/types.ts";
import { type Identify, mayUseQueue } from "../identity/access.ts";
import { bucketOf, rateHeaders } from "../identity/rate-limit.ts";
import {
  type BatchText,
  batchText,
  enqueueItems,
  enqueuePlainTasks,
  enqueueTask,
  receiptText,
  statusOf,
} from "./intake.ts";
import { readPlainTasks } from "./plain.ts";
import { readTask, readTaskArray } from "./read.ts";
import { BATCH_LIMIT_BYTES, BODY_LIMIT_BYTES, type TaskRouteOptions } from "./routes.ts";
import type { BatchResult } from "./schema.ts";

const PATH = /^\/v1\/queues\/([^/?]+)\/tasks(\/batch)?$/;
const JSON_TYPE = "application/json; charset=utf-8";
const PROBLEM_TYPE = `${PROBLEM_MEDIA_TYPE}; charset=utf-8`;
const TYPES = new Set(["application/json", JSON_TYPE, "application/json;charset=utf-8"]);

// What of the framework's headers means anything on an answer that no browser shows.
const SECURITY = {
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
};
const SECURITY_LIST = Object.entries(SECURITY).flat();

export interface FastLaneOptions extends TaskRouteOptions {
  queue(name: string): Pick<Queue, "enqueuePlain"> & ReturnType<TaskRouteOptions["queue"]>;
}

const RECHECK_MS = 1_000;

interface Target {
  url: string;
  name: string;
  isBatch: boolean;
  route: string;
}

/**
 * Serves the two POSTs of tasks straight from node:http, which costs half of the way through the framework. Only
 * requests that are plain in every respect come here; all others, and every other path, are Fastify's, whose routes
 * answer the same. It goes round the caller's own hooks as well.
 */
export function registerFastLane(app: HttpServer, options: FastLaneOptions): void {
  const { isHostAllowed, requestId, identify, limiter, hasProxies, isClosing } = app.basics;
  const { newQueues } = options;
  const lane: Lane = { app, options, isClosing: false };
  app.addHook("preClose", (done) => {
    lane.isClosing = true;
    done();
  });

  let last: Target | undefined;
  const targetOf = (url: string): Target | undefined => {
    if (last?.url === url) return last;
    const [, name, batch] = PATH.exec(url) ?? [];
    if (name === undefined || !isQueueName(name)) return undefined;
    const isBatch = batch !== undefined;
    last = { url, name, isBatch, route: `/v1/queues/:queue/tasks${isBatch ? "/batch" : ""}` };
    return last;
  };

  const serve = (request: IncomingMessage, response: ServerResponse): boolean => {
    if (request.method !== "POST" || lane.isClosing) return false;
    const target = targetOf(request.url ?? "");
    if (target === undefined) return false;
    // A queue that may be new is made by the framework's routes, which may refuse that.
    if (newQueues?.isKnown(target.name) === false) return false;
    const { headers } = request;
    const length = Number(headers["content-length"]);
    const key = headers["idempotency-key"];
    if (
      !TYPES.has(headers["content-type"] ?? "") ||
      !(length > 0 && length <= (target.isBatch ? BATCH_LIMIT_BYTES : BODY_LIMIT_BYTES)) ||
      headers["transfer-encoding"] !== undefined ||
      headers["content-encoding"] !== undefined ||
      // A batch as lines is a stream, and a key is for one task.
      (target.isBatch && (key !== undefined || headers.accept?.includes("ndjson"))) ||
      (key !== undefined && (typeof key !== "string" || key === "" || key.length > 255)) ||
      !isHostAllowed(headers.host) ||
      isClosing(request.socket)
    ) {
      return false;
    }
    // Who may not, or too often, is refused by the framework, in the same words as on every other route.
    const identity = enqueuer(identify, request, target.name);
    if (identity === undefined) return false;
    let rate: string[] | undefined;
    if (limiter !== undefined) {
      // Behind a proxy the address of the client takes some reading.
      if (hasProxies && identity.keyId === null) return false;
      const verdict = limiter.take(bucketOf(identity, request.socket.remoteAddress ?? ""));
      if (!verdict.isAllowed) return false;
      rate = rateHeaders(verdict);
    }
    const trace = headers.traceparent === undefined ? undefined : traceContextOf(headers);
    const exchange = new Exchange(lane, target, request, response, identity, {
      id: requestId(),
      key,
      rate,
      trace,
    });
    request.on("data", (chunk: Buffer) => exchange.add(chunk));
    // Not reached where the client hangs up before the body has come.
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

function enqueuer(identify: Identify, request: IncomingMessage, queue: string): Identity | undefined {
  try {
    const identity = identify(request);
    return includesScope(identity.scopes, "enqueue") && mayUseQueue(identity, queue) ? identity : undefined;
  } catch {
    return undefined;
  }
}

interface Lane {
  app: HttpServer;
  options: FastLaneOptions;
  isClosing: boolean;
}

/** What its headers say of a request. */
interface Head {
  id: string;
  /** Its `Idempotency-Key`. */
  key: string | undefined;
  /** Headers of the rate limit, for the answer. */
  rate: string[] | undefined;
  trace: TraceContext | undefined;
}

/** One request and its answer. */
class Exchange {
  readonly #lane: Lane;
  readonly #target: Target;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #identity: Identity;
  readonly #id: string;
  readonly #key: string | undefined;
  readonly #rate: string[] | undefined;
  readonly #trace: TraceContext | undefined;
  readonly #startedAt = performance.now();
  #body: Buffer | undefined;
  #more: Buffer[] | undefined;

  constructor(
    lane: Lane,
    target: Target,
    request: IncomingMessage,
    response: ServerResponse,
    identity: Identity,
    { id, key, rate, trace }: Head,
  ) {
    this.#lane = lane;
    this.#target = target;
    this.#request = request;
    this.#response = response;
    this.#identity = identity;
    this.#id = id;
    this.#key = key;
    this.#rate = rate;
    this.#trace = trace;
  }

  add(chunk: Buffer): void {
    if (this.#body === undefined) this.#body = chunk;
    else if (this.#more === undefined) this.#more = [this.#body, chunk];
    else this.#more.push(chunk);
  }

  run(): void {
    // It took so long that the key may have been revoked meanwhile.
    if (performance.now() - this.#startedAt > RECHECK_MS) {
      const { app } = this.#lane;
      if (enqueuer(app.basics.identify, this.#request, this.#target.name) === undefined) {
        this.#fail(new HoldfastError("unauthorized", "this key may no longer enqueue here"));
        return;
      }
    }
    const { options } = this.#lane;
    const { name, isBatch } = this.#target;
    const { metrics } = options;
    const body = this.#more === undefined ? (this.#body as Buffer) : Buffer.concat(this.#more);
    const fail = (error: unknown) => this.#fail(error);
    try {
      options.assertOpen?.();
      const queue = options.queue(name);
      if (isBatch) {
        const plain = readPlainTasks(body);
        const answer =
          plain === undefined
            ? enqueueItems(name, this.#limited(queue), readTaskArray(body), metrics, this.#trace).then(textOf)
            : enqueuePlainTasks(name, queue, plain, metrics, this.#trace);
        answer.then((done) => this.#stored(done), fail);
        return;
      }
      const { task, bytes } = readTask(body, this.#key);
      const target = task.id === undefined ? queue : this.#limited(queue);
      enqueueTask(target, task, this.#trace).then((receipt) => {
        metrics?.enqueued(name, task.type, bytes, receipt.duplicate);
        const place = ["location", `/v1/queues/${name}/tasks/${receipt.id}`];
        if (receipt.duplicate) place.push("idempotent-replayed", "true");
        const status = statusOf(receipt, this.#key !== undefined);
        this.#send(status, JSON_TYPE, receiptText(receipt), place);
      }, fail);
    } catch (error) {
      fail(error);
    }
  }

  #limited(queue: ReturnType<TaskRouteOptions["queue"]>): Pick<Queue, "enqueueMany" | "enqueueText"> {
    const conflicts = this.#lane.app.basics.conflictsFor(this.#identity);
    return conflicts?.limit(queue, this.#identity, this.#request.socket.remoteAddress ?? "") ?? queue;
  }

  #stored({ text, retryAfter, bytes }: BatchText): void {
    const more = retryAfter > 0 ? ["retry-after", String(retryAfter)] : [];
    this.#send(207, JSON_TYPE, text, more, bytes);
  }

  #fail(error: unknown): void {
    const { app, options } = this.#lane;
    const { name, route } = this.#target;
    options.metrics?.rejected(name, error);
    const { body, retryAfter, unexpected } = toProblem(error, this.#id);
    if (unexpected) app.log.error({ ...this.#ids(), err: error, route }, "request failed");
    else if (body.status >= 500)
      app.log.warn({ ...this.#ids(), code: body.code, reason: body.detail }, "request refused");
    const more = retryAfter === undefined ? [] : ["retry-after", String(retryAfter)];
    this.#send(body.status, PROBLEM_TYPE, JSON.stringify(body), more);
  }

  /** As the framework has them in the log lines of a request. */
  #ids(): { reqId: string; clientRequestId?: string } {
    const given = clientRequestId(this.#request.headers);
    return { reqId: this.#id, ...(given === null ? {} : { clientRequestId: given }) };
  }

  #send(
    status: number,
    type: string,
    text: string,
    more: string[],
    bytes: number = Buffer.byteLength(text),
  ): void {
    // A flat list: an object of this many headers costs four times as much.
    const list = SECURITY_LIST.concat("x-request-id", this.#id, "content-type", type, "content-length");
    list.push(String(bytes), ...more);
    if (this.#rate !== undefined) list.push(...this.#rate);
    if (this.#lane.isClosing) list.push("connection", "close");
    this.#response.writeHead(status, list);
    // Where a byte is a character it is copied, not encoded.
    this.#response.end(text, bytes === text.length ? "latin1" : "utf8");
    const seconds = (performance.now() - this.#startedAt) / 1_000;
    this.#lane.app.basics.observe("POST", this.#target.route, status, seconds);
  }
}

function textOf({ body, retryAfter }: { body: BatchResult; retryAfter: number }): BatchText {
  return { text: batchText(body), retryAfter };
}
