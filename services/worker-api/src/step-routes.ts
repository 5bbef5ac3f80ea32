import { HoldfastError, LIMITS } from "@holdfast/contracts";
import { type HttpServer, problemSchema, queueParams } from "@holdfast/service";
import { CallFailed, callTask, type RemoteAttempt, type StoredStep } from "holdfast/remote";
import { type Static, Type } from "typebox";
import { bodies } from "./step-schema.ts";
import { jsonTextOf } from "./verdicts.ts";
import type { WorkRouteOptions } from "./work-routes.ts";

type Bodies = typeof bodies;

const KINDS = { s: "step", z: "sleep", w: "wait", c: "call" } as const;
const OUTCOMES = { d: "done", o: "open", t: "timed_out" } as const;
const JSON_TYPE = "application/json; charset=utf-8";

/** The routes for the durable steps of a task and for its place in a flow. */
export function registerStepRoutes(app: HttpServer, { workers, assertOpen }: WorkRouteOptions): void {
  /** @param answer returns the JSON text of the answer */
  const route = <Name extends keyof Bodies>(
    path: string,
    name: Name,
    summary: string,
    answer: (attempt: RemoteAttempt, body: Static<Bodies[Name]>) => Promise<string>,
  ) =>
    app.post(
      `/v1/queues/:queue/work/${path}`,
      {
        config: { scope: "work" },
        schema: {
          tags: ["steps"],
          summary,
          description:
            "docs/worker-protocol.md describes the answers. 409: the lease is lost. A repeat does no harm.",
          params: queueParams,
          body: bodies[name],
          response: { 200: Type.Unknown(), default: problemSchema },
        },
      },
      async (request, reply) => {
        assertOpen();
        const body = request.body as Static<Bodies[Name]>;
        const { queue } = request.params;
        const { id, token } = body;
        const attempt = await workers.attempt(queue, request.identity.keyId ?? "", { id, token });
        return reply.type(JSON_TYPE).send(await answer(attempt, body));
      },
    );

  route("steps/read", "read", "Read the steps that earlier attempts have stored", async (attempt) => {
    const { now, places, bytes, steps } = await (await attempt.steps()).read();
    return `{"now":${now},"count":${places},"bytes":${bytes},"steps":[${steps.map(stepText).join(",")}]}`;
  });
  route("steps/result", "result", "Read the result of a step that is large", async (attempt, { place }) => {
    const store = await attempt.steps();
    const { serial, steps } = await store.read();
    const step = steps.find((one) => one.place === place);
    if (!step)
      throw new HoldfastError("not_found", `place: task ${attempt.id} has no step at place ${place}`, {
        field: "place",
      });
    return `{"result":${(step.text ?? (await store.readText({ serial, place }))) || "null"}}`;
  });
  route("steps/write", "write", "Store a step that is done", async (attempt, body) => {
    const { place, name, result, resultText } = body;
    const text = jsonTextOf("result", { value: result, text: resultText }) ?? "";
    const store = await attempt.steps({ name, text });
    return JSON.stringify({ at: await store.write({ place, kind: "s", outcome: "d", name, text }) });
  });
  route("steps/sleep", "sleep", "Begin a sleep", async (attempt, { place, name, ms }) => {
    const store = await attempt.steps();
    const until = await store.write({ place, kind: "z", outcome: "o", name, text: "", waitMs: ms });
    return JSON.stringify({ until });
  });
  route("steps/wait", "wait", "Wait for a signal", async (attempt, body) => {
    const { place, name, events, timeoutMs = LIMITS.delayMs } = body;
    const store = await attempt.steps();
    const answer = await store.wait({ place, kind: "w", name, timeoutMs, events });
    if (answer.kind === "signal")
      return `{"outcome":"signal","event":${JSON.stringify(answer.event)},"data":${answer.data || "null"}}`;
    return JSON.stringify(
      answer.kind === "open" ? { outcome: "open", until: answer.until, events } : { outcome: "timed_out" },
    );
  });
  route("steps/call", "call", "Run another task and wait for its result", callOf);
  route(
    "children",
    "children",
    "Read the nodes that this node of a flow comes after",
    async (attempt, body) => {
      const { after = 0, limit = 100 } = body;
      const { children, next } = await attempt.children(after, limit);
      const texts = children.map(({ name, id, state, skippedBy, resultText }) => {
        const head = JSON.stringify({ name, id, state, skippedBy });
        return `${head.slice(0, -1)},"result":${resultText ?? "null"}}`;
      });
      return `{"children":[${texts.join(",")}],"next":${next < 0 ? "null" : next}}`;
    },
  );
}

async function callOf(attempt: RemoteAttempt, body: Static<Bodies["call"]>): Promise<string> {
  const { place, name, type, payload, payloadText, options = {} } = body;
  const text = jsonTextOf("payload", { value: payload, text: payloadText });
  if (text === undefined)
    throw new HoldfastError("invalid_argument", "payload: a call needs payload or payloadText", {
      field: "payload",
    });
  const store = await attempt.steps();
  const known = (await store.read()).steps.find((step) => step.kind === "c" && step.name === name);
  if (known?.outcome === "d") {
    const { serial } = await store.read();
    return completed(known.text ?? (await store.readText({ serial, place: known.place })));
  }
  const step = { place: known?.place ?? place, name, known };
  try {
    const answer = await callTask(store, step, { type, payloadText: text, options });
    if (answer.text !== undefined) return completed(answer.text);
    return JSON.stringify({ outcome: "open", until: answer.until, events: [`=${answer.id}`] });
  } catch (error) {
    if (!(error instanceof CallFailed)) throw error;
    const { taskId, state, message } = error;
    return JSON.stringify({ outcome: "failed", taskId, state, message });
  }
}

const completed = (text: string) => `{"outcome":"completed","result":${text || "null"}}`;

function stepText({ place, kind, name, outcome, at, text }: StoredStep): string {
  const head = JSON.stringify({ place, kind: KINDS[kind], name, outcome: OUTCOMES[outcome], at }).slice(
    0,
    -1,
  );
  if (kind === "z" || outcome !== "d") return `${head}}`;
  if (text === undefined) return `${head},"large":true}`;
  if (kind !== "w") return `${head},"result":${text || "null"}}`;
  const end = text.indexOf("\n");
  return `${head},"event":${JSON.stringify(decodeURIComponent(text.slice(0, end)))},"data":${text.slice(end + 1) || "null"}}`;
}
