// Serves the API of observability with invented data, for work on the dashboard without Redis.
//   node dev/mock-server.mjs [port]   then   HOLDFAST_API=http://127.0.0.1:<port> pnpm dev
import { createServer } from "node:http";
import { WebSocketServer } from "ws";
import { createMockLimits } from "./mock-limits.mjs";
import { createMockState } from "./mock-state.mjs";

const port = Number(process.argv[2] ?? 3001);
const state = createMockState();
const limits = createMockLimits();

const server = createServer(async (request, response) => {
  const url = new URL(request.url ?? "/", "http://mock");
  let text = "";
  for await (const chunk of request) text += chunk;
  const reply = (status, body, type = "application/json") => {
    response.writeHead(status, { "content-type": type, "x-request-id": "req-mock" });
    response.end(JSON.stringify(body));
  };
  const problem = (status, code, detail) =>
    reply(
      status,
      { type: "about:blank", title: code, status, code, detail, requestId: "req-mock" },
      "application/problem+json",
    );
  try {
    const [, , area, name, part, id, last] = url.pathname.split("/").map(decodeURIComponent);
    const query = Object.fromEntries(url.searchParams);
    const body = text === "" ? {} : JSON.parse(text);
    const post = request.method === "POST";
    if (area === "session") return reply(200, state.session());
    if (area === "workers" && name !== undefined) return reply(200, { id: name, draining: part === "drain" });
    if (area === "workers") return reply(200, { workers: state.workersWithTasks() });
    if (area === "audit") return reply(200, state.audit(query));
    if (area === "schedules") {
      if (name === undefined) return reply(200, { schedules: state.schedules() });
      if (name === "preview") {
        const preview = state.preview(body);
        return preview ? reply(200, preview) : problem(400, "invalid_argument", "not a cron expression");
      }
      if (request.method === "PUT") return reply(200, state.putSchedule(name, body));
      if (request.method === "DELETE") return reply(200, { id: name, deleted: state.deleteSchedule(name) });
      if (part === "run") return reply(200, state.runSchedule(name));
      return reply(200, state.switchSchedule(name, part === "pause"));
    }
    if (area === "operations" && name === undefined) return reply(200, state.operations());
    if (area === "operations" && part === "failures") return reply(200, state.failures());
    if (area === "operations") {
      const operation = post ? state.actOnOperation(name, part) : state.operation(name);
      return operation ? reply(200, operation) : problem(404, "not_found", `there is no operation ${name}`);
    }
    if (area === "limits") {
      if (name === undefined) return reply(200, limits.shared());
      if (request.method === "PUT") return reply(200, limits.share(name, body));
      return limits.unshare(name)
        ? reply(200, null)
        : problem(404, "not_found", `there is no shared limit ${name}`);
    }
    if (area !== "queues") return problem(404, "not_found", `no route ${url.pathname}`);
    if (name === undefined) return reply(200, { queues: state.stats(), rates: state.rates() });
    if (part === "burst" && post) return reply(202, state.burst(name, body.tasks ?? 10_000));
    if (part === "tasks" && post) return reply(201, state.enqueue(name, body, text));
    if (!state.has(name)) return problem(404, "queue_not_found", `there is no queue ${name}`);
    if (part === "empty" && post) return reply(200, state.empty(name, body.states));
    if (part === undefined && request.method === "DELETE") return reply(200, state.remove(name));
    if (part === undefined)
      return reply(
        200,
        state.stats().find((stats) => stats.queue === name),
      );
    const { processing } = state.stats().find((stats) => stats.queue === name);
    const put = request.method === "PUT";
    if (part === "limits" && id === "try") return reply(200, limits.trial(name, body));
    if (part === "limits")
      return reply(200, put ? limits.putLimits(name, body, processing) : limits.limits(name, processing));
    if (part === "hold") return reply(200, limits.hold(name, body, processing));
    if (part === "heaviest-keys") return reply(200, limits.heaviest(name, query));
    if (part === "keys" && id === undefined) return reply(200, limits.keys(name, query));
    if (part === "keys") return reply(200, put ? limits.putKeyLimit(name, id, body) : limits.key(name, id));
    if (part === "events") {
      response.writeHead(200, { "content-type": "text/event-stream", "x-request-id": "req-mock" });
      const send = () => response.write(state.events(name, query.types));
      send();
      const timer = setInterval(send, 1_000);
      return response.on("close", () => clearInterval(timer));
    }
    if (part === "series") return reply(200, state.series(name));
    if (part === "pause" || part === "resume")
      return reply(200, state.pause(name, part === "pause", body.reason ?? null));
    if (part === "tasks" && id === undefined) return reply(200, state.list(name, query));
    if (part === "tasks" && last === "why") return reply(200, state.why(name, id));
    if (part === "tasks" && request.method === "DELETE") return reply(200, state.cancel(name, id));
    if (part === "tasks") {
      const task = state.task(name, id);
      return task
        ? reply(200, task)
        : problem(404, "task_not_found", `there is no task ${id} in queue ${name}`);
    }
    if (part === "dead-letters" && id === undefined)
      return reply(200, state.list(name, { ...query, state: "dead" }));
    if (part === "dead-letters" && id === "groups")
      return reply(200, {
        groups: state.groups(name),
        scanned: 1_000,
        total: state.list(name, { state: "dead" }).total,
      });
    if (part === "dead-letters" && post) {
      const { status, answer } = state.act(name, id, body);
      return reply(status, answer);
    }
    return problem(404, "not_found", `no route ${url.pathname}`);
  } catch (error) {
    return problem(500, "internal", String(error));
  }
});

const sockets = new WebSocketServer({ server, path: "/v1/stream" });
sockets.on("connection", (socket) => {
  let seq = 0;
  const send = () => {
    seq += 1;
    socket.send(JSON.stringify({ seq, type: "snapshot", at: Date.now(), ...state.snapshot() }));
  };
  send();
  const timer = setInterval(send, 500);
  socket.on("close", () => clearInterval(timer));
});

server.listen(port, "127.0.0.1", () => console.log(`mock API on http://127.0.0.1:${port}`));
