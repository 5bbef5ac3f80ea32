import type { Identity } from "@holdfast/contracts/api";
import {
  assertQueue,
  type HttpServer,
  longPoll,
  type NewQueues,
  problemSchema,
  queueParams,
} from "@holdfast/service";
import type { RemoteAsk, RemoteInfo, RemoteTerms, RemoteWorker, RemoteWorkers } from "holdfast/remote";
import { sendAnswer } from "./answer.ts";
import {
  acquireBody,
  acquireReply,
  heartbeatBody,
  heartbeatReply,
  settleBody,
  settleReply,
} from "./schema.ts";
import { readVerdict } from "./verdicts.ts";

export interface WorkRouteOptions {
  workers: RemoteWorkers;
  newQueues: Pick<NewQueues, "admit">;
  /** @throws HoldfastError redis_unavailable */
  assertOpen(): void;
}

const SETTLE_LIMIT_BYTES = 16 * 1_024 * 1_024;
const LEASE_MS = 30_000;
const MAX_RETRIES = 3;
const response = <Reply>(reply: Reply) => ({ 200: reply, default: problemSchema });

/** The routes with which workers acquire tasks, settle them and extend their leases (docs/worker-protocol.md). */
export function registerWorkRoutes(
  app: HttpServer,
  { workers, newQueues, assertOpen }: WorkRouteOptions,
): void {
  const closing = new AbortController();
  // When the server stops, long polls end at once. Otherwise they would delay the stop for up to 30 s.
  app.addHook("preClose", async () => closing.abort());

  app.post(
    "/v1/queues/:queue/work/acquire",
    {
      config: { scope: "work" },
      schema: {
        tags: ["work"],
        summary: "Take tasks under a lease",
        description:
          "Answers as soon as there is a task, or without tasks after waitMs. A repeat with the same requestId gets the same tasks. 409: a newer request of the same lane was answered already.",
        params: queueParams,
        body: acquireBody,
        response: response(acquireReply),
      },
    },
    async (request, reply) => {
      assertOpen();
      const { identity, ip, body } = request;
      const { queue } = request.params;
      await newQueues.admit(queue, { identity, ip });
      const { workerId, requestId, lane = 0, waitMs = 0, info } = body;
      const ask = { requestId, lane, waitMs, ...termsOf(body), ...askOf(body) };
      const worker = workerOf(identity, workerId, info);
      const grants = await longPoll(app, request, reply, closing.signal, (signal) =>
        workers.acquire(queue, worker, ask, signal),
      );
      return sendAnswer(reply, grants);
    },
  );

  app.post(
    "/v1/queues/:queue/work/settle",
    {
      config: { scope: "work" },
      bodyLimit: SETTLE_LIMIT_BYTES,
      schema: {
        tags: ["work"],
        summary: "Say what became of tasks, and take the next ones",
        description:
          "A verdict counts only while its lease is held; otherwise its outcome is stale. A repeat with the same requestId gets the same answer. 403: another key acquired one of the tasks, and nothing is settled.",
        params: queueParams,
        body: settleBody,
        response: response(settleReply),
      },
    },
    async (request, reply) => {
      assertOpen();
      const { body, identity } = request;
      const { workerId, requestId, lane = 0, acquire, info } = body;
      const settled = await workers.settle(request.params.queue, workerOf(identity, workerId, info), {
        ...{ requestId, lane, ...termsOf(body) },
        verdicts: body.verdicts.map(readVerdict),
        acquire: acquire && askOf(acquire),
      });
      return sendAnswer(reply, settled);
    },
  );

  app.post(
    "/v1/queues/:queue/work/heartbeat",
    {
      config: { scope: "work" },
      schema: {
        tags: ["work"],
        summary: "Extend leases",
        description:
          "Also shows operators that the worker runs. The answer says whether an operator told it to drain.",
        params: queueParams,
        body: heartbeatBody,
        response: response(heartbeatReply),
      },
    },
    async (request) => {
      assertOpen();
      const { body, identity } = request;
      const { workerId, leases, leaseMs = LEASE_MS, state, info } = body;
      const worker = workerOf(identity, workerId, info);
      return workers.heartbeat(request.params.queue, worker, { leases, leaseMs, state });
    },
  );
}

/** Two keys may use the same worker id, so the id of the key becomes a part of it. @throws HoldfastError forbidden */
function workerOf(identity: Identity, workerId: string, info: RemoteInfo | undefined): RemoteWorker {
  for (const queue of info?.queues ?? []) assertQueue(identity, queue);
  const owner = identity.keyId ?? "";
  return { id: owner === "" ? workerId : `${workerId}@${owner}`, owner, info };
}

function termsOf({ leaseMs = LEASE_MS, maxRetries = MAX_RETRIES, terms }: Partial<RemoteTerms>): RemoteTerms {
  return { leaseMs, maxRetries, ...(terms ? { terms } : {}) };
}

function askOf({ want, types = ["*"], held = 0 }: Partial<RemoteAsk> & { want: number }): RemoteAsk {
  return { want, types, held };
}
