// A worker over HTTP with an empty handler, which uses only the protocol (docs/worker-protocol.md): it settles 100 tasks
// and acquires the next 100 in one request, on two lanes.
import { Agent, request } from "node:http";

const WANT = 100;
const LANES = 2;
const WAIT_MS = 1_000;
const workerId = `bench-${process.pid}`;
const url = `${process.env.HOLDFAST_WORKER_URL}/v1/queues/bench/work`;
const agent = new Agent({ keepAlive: true, maxSockets: LANES });

function post(path, body) {
  return new Promise((resolve, reject) => {
    const headers = { "content-type": "application/json" };
    const sent = request(`${url}/${path}`, { method: "POST", agent, headers }, async (response) => {
      const chunks = await response.toArray();
      const text = Buffer.concat(chunks).toString();
      if (response.statusCode === 200) resolve(JSON.parse(text));
      else reject(new Error(`${path}: ${response.statusCode} ${text}`));
    });
    sent.once("error", reject);
    sent.end(JSON.stringify(body));
  });
}

async function work(lane) {
  let tasks = [];
  for (let requestId = 1; ; requestId++) {
    const common = { workerId, requestId, lane };
    const verdicts = tasks.map(({ id, token }) => ({ id, token, verdict: "complete" }));
    const answer =
      verdicts.length > 0
        ? await post("settle", { ...common, verdicts, acquire: { want: WANT } })
        : await post("acquire", { ...common, want: WANT, waitMs: WAIT_MS });
    tasks = answer.tasks;
  }
}

await Promise.all(Array.from({ length: LANES }, (_, lane) => work(lane)));
