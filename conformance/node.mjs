// Runs the conformance cases with the library on Redis: node conformance/node.mjs conformance/cases.ndjson
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { batch, CancelTask, FatalError, Postpone, RateLimited, RetryAfter, Worker } from "holdfast";

const { HOLDFAST_URL, HOLDFAST_API_KEY, REDIS_URL, QUEUE_PREFIX, QUEUE_PREFIX_CASES } = process.env;
const ENDED = ["completed", "dead", "cancelled", "expired"];
const CASE_MS = 10_000;
const headers = {
  "content-type": "application/json",
  ...(HOLDFAST_API_KEY ? { authorization: `Bearer ${HOLDFAST_API_KEY}` } : {}),
};

/** One case, in a queue of its own. */
class Case {
  #runs = new Map();
  #calls = new Map();
  #order = [];
  #end = performance.now() + CASE_MS;

  constructor(test) {
    this.test = test;
    this.queue = `${QUEUE_PREFIX_CASES}-${test.name}`;
  }

  /** Returns why the case failed; undefined if it did not. */
  async run() {
    const ids = await this.#enqueue();
    await this.#outside("enqueued", ids);
    const worker = new Worker(this.queue, this.#handlers(), {
      redis: REDIS_URL,
      prefix: QUEUE_PREFIX,
      concurrency: 10,
      leaseMs: 3_000,
      ...this.test.worker,
    });
    worker.on("error", () => {});
    await worker.start();
    try {
      for (const when of ["running", "waiting"]) await this.#outside(when, ids);
      return this.#differs(ids, await this.#found(ids));
    } finally {
      await worker.stop({ graceMs: 1_000 });
    }
  }

  async #ask(method, path, body) {
    const response = await fetch(`${HOLDFAST_URL}/v1/queues/${this.queue}/${path}`, {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`${method} ${path} was refused: ${await response.text()}`);
    return response.json();
  }

  async #enqueue() {
    const { flow, tasks } = this.test;
    if (flow) {
      await this.#ask("POST", "flows", flow);
      return flow.nodes.map(({ name }) => `${flow.id}.${name}`);
    }
    const ids = [];
    for (const { type, payload, options = {} } of tasks) {
      const { expiresInMs, ...others } = options;
      const expires = expiresInMs === undefined ? {} : { expiresAt: Date.now() + expiresInMs };
      ids.push((await this.#ask("POST", "tasks", { type, payload, ...others, ...expires })).id);
    }
    return ids;
  }

  #handlers() {
    const { handles, does, flow, tasks } = this.test;
    const types = (flow?.nodes ?? tasks).map(({ type }) => type);
    const rules = handles ?? [...types, ...(Array.isArray(does) ? [] : Object.keys(does))];
    const one = (task, ctx) => this.#do(this.#actionOf(task), task, ctx);
    const many = async (all, ctx) => {
      for (const task of all) {
        try {
          ctx.complete(task, await one(task, ctx.of(task)));
        } catch (error) {
          ctx.fail(task, error);
        }
      }
    };
    const handler = this.test.batch ? batch({ max: this.test.batch }, many) : one;
    return Object.fromEntries(rules.map((rule) => [rule, handler]));
  }

  #actionOf(task) {
    if (!this.#order.includes(task.type)) this.#order.push(task.type);
    const { does } = this.test;
    const list = Array.isArray(does) ? does : does[task.type];
    const run = (this.#runs.get(task.id) ?? 0) + 1;
    this.#runs.set(task.id, run);
    return list[Math.min(run, list.length) - 1];
  }

  async #do(action, task, ctx) {
    switch (action.do) {
      case "return":
        return action.value;
      case "echo":
        return Object.fromEntries(action.fields.map((field) => [field, task[field]]));
      case "payload":
        return this.#do(task.payload, task, ctx);
      case "progress":
        return ctx.progress(action.value);
      case "log":
        return ctx.log(action.line);
      case "checkpoint":
        return ctx.checkpoint(action.value);
      case "readCheckpoint":
        return ctx.readCheckpoint();
      case "children": {
        const children = [];
        for await (const { name, state, result = null } of ctx.children())
          children.push({ name, state, result });
        return children.sort((a, b) => (a.name < b.name ? -1 : 1));
      }
      case "steps": {
        const results = [];
        for (const step of action.of) results.push((await this.#step(step, task, ctx)) ?? null);
        return results;
      }
      case "sequence": {
        let result;
        for (const one of action.of) result = await this.#do(one, task, ctx);
        return result;
      }
      case "waitUntilCancelled":
        await sleep(CASE_MS, undefined, { signal: ctx.signal }).catch(() => {});
        return ctx.signal.throwIfAborted();
      default:
        throw errorOf(action);
    }
  }

  #step(step, task, ctx) {
    if ("sleep" in step) return ctx.sleep(step.sleep);
    if ("waitFor" in step) return ctx.waitFor(step.waitFor, { timeoutMs: step.timeoutMs });
    if ("call" in step) return ctx.call(step.call, step.payload);
    return ctx.step(step.step, () => {
      const name = `${task.id} ${step.step}`;
      const calls = (this.#calls.get(name) ?? 0) + 1;
      this.#calls.set(name, calls);
      return step.counts ? calls : step.value;
    });
  }

  async #outside(when, ids) {
    for (const event of this.test.meanwhile ?? []) {
      if (event.when !== when) continue;
      const id = ids[event.task ?? 0];
      if (when !== "enqueued") await this.#until(() => this.#runs.has(id));
      if (when === "waiting") await this.#until(async () => (await this.#get(id)).state === "scheduled");
      if (event.do === "cancel") await this.#ask("DELETE", `tasks/${id}`);
      else await this.#ask("POST", `tasks/${id}/signal`, { event: event.event, data: event.data });
    }
  }

  async #until(condition) {
    while (!(await condition())) {
      if (performance.now() > this.#end) throw new Error("the case takes too long");
      await sleep(20);
    }
  }

  #get(id) {
    return this.#ask("GET", `tasks/${id}`);
  }

  /** Waits for the tasks whose expected state is an end, then looks at all of them. */
  async #found(ids) {
    for (const [place, id] of ids.entries())
      if (ENDED.includes(this.test.expect[place].state ?? "completed"))
        await this.#until(async () => ENDED.includes((await this.#get(id)).state));
    return Promise.all(ids.map((id) => this.#get(id)));
  }

  #differs(ids, found) {
    for (const [place, expected] of this.test.expect.entries())
      for (const [name, value] of Object.entries(expected)) {
        const seen = seenOf(name, value, found[place], ids.indexOf(ids[place]));
        if (!equal(seen, value))
          return `${name} of task ${place} is ${JSON.stringify(seen)}, not ${JSON.stringify(value)}`;
      }
    const { order } = this.test;
    return order && !equal(order, this.#order) ? `the order was ${this.#order}, not ${order}` : undefined;
  }
}

function errorOf(action) {
  switch (action.do) {
    case "fail":
      return Object.assign(new Error(action.message), { name: action.name });
    case "fatal":
      return new FatalError(action.message);
    case "cancel":
      return new CancelTask(action.message);
    case "retryAfter":
      return new RetryAfter(action.delayMs);
    case "postpone":
      return new Postpone(action.delayMs);
    case "rateLimited":
      return new RateLimited(action.delayMs, { scope: action.scope });
    default:
      return new Error(`the runner does not know "${action.do}"`);
  }
}

function seenOf(name, value, task, sameAs) {
  if (name === "sameAs") return sameAs;
  if (name === "result") return task.resultText === null ? null : JSON.parse(task.resultText);
  if (name === "progress") return task.progress === null ? null : JSON.parse(task.progress);
  if (name !== "lastError") return task[name];
  const line = (task.lastError ?? "").split("\n")[0];
  return line.includes(value) ? value : line;
}

/** Compares JSON values. The order of the fields does not count. */
function equal(a, b) {
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return a === b;
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => equal(a[name], b[name]));
}

let failed = false;
for (const line of readFileSync(process.argv[2], "utf8").trim().split("\n")) {
  const test = JSON.parse(line);
  const why = await new Case(test).run().catch((error) => String(error));
  console.log(
    JSON.stringify({ client: "node", case: test.name, ok: why === undefined, ...(why ? { why } : {}) }),
  );
  failed ||= why !== undefined;
}
process.exit(failed ? 1 : 0);
