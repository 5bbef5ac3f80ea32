import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { resolve } from "node:path";
import { until } from "@holdfast/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { SLOTS, type Stack, startStack, WORKERS } from "./stack.ts";
import {
  alerts,
  dashboards,
  documentedMetrics,
  expressions,
  filledIn,
  hasPrometheus,
  read,
  recorded,
  root,
} from "./support.ts";

/** The number of tasks of type demo.echo in this test: 60 in one batch, a single one, and a later one. */
const ECHOES = 62;
const FAILING = 5;
let stack: Stack;

const task = (type: string, payload: unknown, more: object = {}) => ({ type, payload, ...more });
const tasks = "/v1/queues/default/tasks";

/** Runs a known number of tasks, so that the tests can compare with exact values. */
async function knownRun(): Promise<void> {
  const { producer, operator, sum } = stack;
  const batch = [
    ...Array.from({ length: ECHOES - 2 }, (_, index) => task("demo.echo", { index })),
    ...Array.from({ length: FAILING }, (_, index) =>
      task("demo.flaky", { failRate: 1 }, { id: `failing-${index}` }),
    ),
    task("demo.sleep", { ms: -1 }),
  ];
  const { results } = JSON.parse((await producer("POST", `${tasks}/batch`, batch)).body) as {
    results: { status: number }[];
  };
  expect(results.map(({ status }) => status)).toEqual(batch.map(() => 201));
  // The limit is set first, so that Prometheus has read its metrics before the dashboards are tested.
  const limits = { queue: { concurrency: 100 } };
  expect((await operator("PUT", "/v1/queues/default/limits", limits)).status).toBe(200);
  // The only node of this flow is delayed, so it does not run during the test.
  const flow = { nodes: [{ name: "later", ...task("demo.echo", null, { delayMs: 3_600_000 }) }] };
  expect((await producer("POST", "/v1/queues/default/flows", flow)).status).toBe(201);
  const hello = task("demo.echo", "hello", { id: "hello-1" });
  expect((await producer("POST", tasks, hello)).status).toBe(201);
  // The status is 200 until the task has ended, and 208 afterwards.
  expect([200, 208]).toContain((await producer("POST", tasks, hello)).status);
  expect((await producer("POST", tasks, { ...hello, payload: "else" })).status).toBe(409);
  expect((await producer("POST", "/v1/queues/mail/tasks", task("demo.sleep", { ms: 30 }))).status).toBe(201);

  await until(
    "all attempts have ended and were scraped",
    async () => {
      const settled = await sum('sum(holdfast_task_attempts_total{outcome=~"acked|dead"})');
      return settled === ECHOES - 1 + FAILING + 1 + 1;
    },
    30_000,
  );
  // The condition of this rule never holds, so nothing is sent.
  const target = { kind: "slack", url: "https://hooks.example.com/" };
  expect((await operator("PUT", "/v1/alerts/targets/team", target)).status).toBe(201);
  const rule = { queues: "*", forMs: 0, repeatMs: 0, resolved: true, targets: ["team"] };
  const when = { kind: "dead_letters", above: 1_000_000 };
  expect((await operator("PUT", "/v1/alerts/rules/dead", { ...rule, when })).status).toBe(201);
  const everySecond = { queue: "timed", cron: "* * * * * *", type: "demo.echo", overlap: "allow" };
  expect((await operator("PUT", "/v1/schedules/every-second", everySecond)).status).toBe(201);
  await until(
    "a schedule has run again after its first scrape, because a rate needs two values",
    async () => (await sum('sum(holdfast_schedule_runs_total{outcome="enqueued"})')) >= 4,
    30_000,
  );
  expect((await operator("DELETE", "/v1/schedules/every-second")).status).toBe(204);
  const replay = { ids: ["failing-0"], patch: { payloadText: '{"failRate":0}' } };
  expect((await operator("POST", "/v1/queues/default/dead-letters/replay", replay)).status).toBe(200);
  await until(
    "the replay has ended and was scraped",
    async () => {
      const pending = await sum('sum(holdfast_queue_tasks{queue="default",state="dead"})');
      return pending === FAILING && (await sum("sum(holdfast_dead_letters_replayed_total)")) === 1;
    },
    30_000,
  );
}

/**
 * Stops a worker for longer than its lease. In this time another worker runs its task. So the verdict of the first
 * worker comes too late.
 */
async function standstill(): Promise<void> {
  const { producer, operator, sum, workers } = stack;
  await producer("POST", tasks, task("demo.echo", "late"));
  await producer("POST", "/v1/queues/mail/tasks", task("demo.sleep", { ms: 3_000 }, { id: "slow" }));
  let holder: string | null = null;
  await until("the task runs", async () => {
    const { body } = await operator("GET", "/v1/queues/mail/tasks/slow");
    ({ workerId: holder } = JSON.parse(body) as { workerId: string | null });
    return holder !== null;
  });
  const worker = workers.find(({ child }) => holder?.includes(`-${child.pid}-`));
  expect(worker).toBeDefined();
  worker?.child.kill("SIGSTOP");
  try {
    await until(
      "the janitor has taken the task back",
      async () => (await sum('sum(holdfast_tasks_reaped_total{queue="mail",action="requeued"})')) === 1,
      20_000,
    );
  } finally {
    worker?.child.kill("SIGCONT");
  }
  await until(
    "the late verdict was refused, and the verdict of the other worker was counted",
    async () =>
      (await sum('sum(holdfast_stale_verdicts_total{queue="mail",op="settle"})')) === 1 &&
      (await sum('sum(holdfast_task_attempts_total{queue="mail",outcome="acked"})')) === 2,
    20_000,
  );
}

/** Sends a task to an endpoint. */
async function delivery(): Promise<void> {
  expect((await stack.producer("POST", "/v1/queues/pushed/tasks", task("invoice", 7))).status).toBe(201);
  await until(
    "the request was counted and scraped",
    async () => (await stack.sum('sum(holdfast_deliveries_total{outcome="completed"})')) === 1,
    20_000,
  );
}

describe.skipIf(!hasPrometheus)("a Prometheus that scrapes the services", () => {
  beforeAll(async () => {
    stack = await startStack();
    await knownRun();
    await standstill();
    await delivery();
  }, 150_000);
  afterAll(() => stack?.stop());

  test.each<[string, number]>([
    ['count(up{job="worker"} == 1)', WORKERS],
    ['sum(holdfast_tasks_enqueued_total{queue="default",type="demo.echo"})', ECHOES],
    ['sum(holdfast_tasks_enqueued_total{queue="default",type="demo.flaky"})', FAILING],
    ['sum(holdfast_tasks_enqueued_total{queue="mail"})', 2],
    ["sum(holdfast_tasks_deduplicated_total)", 1],
    ["sum(holdfast_tasks_rejected_total)", 1],
    ['sum(holdfast_payload_bytes_count{queue="default"})', ECHOES + FAILING + 1],
    ['sum(holdfast_task_attempts_total{queue="default",type="demo.echo",outcome="acked"})', ECHOES],
    ['sum(holdfast_task_attempts_total{type="demo.flaky",outcome="retried"})', FAILING],
    ['sum(holdfast_task_attempts_total{type="demo.flaky",outcome="dead"})', FAILING],
    ['sum(holdfast_task_attempts_total{type="demo.flaky",outcome="acked"})', 1],
    ['sum(holdfast_task_attempts_total{type="demo.sleep",outcome="dead"})', 1],
    ['sum(holdfast_task_attempts_total{type="demo.sleep",outcome="stale"})', 1],
    ['sum(holdfast_tasks_retried_total{reason="failed"})', FAILING],
    ['sum(holdfast_tasks_retried_total{reason="crashed"})', 1],
    ['sum(holdfast_tasks_dead_lettered_total{reason="retries_exhausted"})', FAILING],
    ['sum(holdfast_tasks_dead_lettered_total{reason="fatal"})', 1],
    ['sum(holdfast_tasks_dead_lettered_total{reason="crashes_exhausted"})', 0],
    ['sum(holdfast_tasks_reaped_total{queue="mail",action="requeued"})', 1],
    ['sum(holdfast_tasks_reaped_total{action=~"dead|cancelled"})', 0],
    ['sum(holdfast_stale_verdicts_total{queue="mail"})', 1],
    ['sum(holdfast_overlap_seconds_count{queue="mail",op="settle"})', 1],
    ['sum(holdfast_task_wait_seconds_count{queue="default"})', ECHOES + FAILING * 2 + 1 + 1],
    ['sum(holdfast_task_run_seconds_count{type="demo.echo",outcome="acked"})', ECHOES],
    ['sum(holdfast_task_run_seconds_bucket{type="demo.echo",le="+Inf"})', ECHOES],
    ['holdfast_queue_tasks{queue="default",state="completed"}', ECHOES + 1],
    ['holdfast_queue_tasks{queue="default",state="dead"}', FAILING],
    ['holdfast_queue_tasks{queue="default",state="pending"}', 0],
    ['holdfast_queue_tasks{queue="mail",state="completed"}', 2],
    ['holdfast_queue_oldest_pending_age_seconds{queue="default"}', 0],
    ['holdfast_queue_paused{queue="default"}', 0],
    ['holdfast_queue_drain_seconds{queue="default"}', 0],
    ['holdfast_queue_concurrency_limit{queue="default"}', 100],
    ['holdfast_workers{queue="default",state="running"}', WORKERS],
    ['holdfast_workers{queue="mail",state="lost"}', 0],
    ['holdfast_dead_letters_replayed_total{queue="default",outcome="replayed"}', 1],
    ['sum(holdfast_worker_slots{job="worker"})', WORKERS * SLOTS],
    ["sum(holdfast_worker_slots_busy)", 0],
    ["sum(holdfast_audit_violations)", 0],
    ["sum(holdfast_rewinds_total)", 0],
    ["min(holdfast_redis_up)", 1],
    ["count(holdfast_redis_up)", WORKERS + 5],
    ["sum(holdfast_build_info)", WORKERS + 5],
    ['sum(holdfast_deliveries_total{to="billing",outcome="completed"})', 1],
    ["holdfast_ws_clients", 0],
    ["holdfast_redis_evicts", 0],
    ["holdfast_redis_evicted_keys_total", 0],
  ])("%s is %i", async (expr, wanted) => {
    await until(`${expr} is ${wanted}`, async () => (await stack.sum(expr)) === wanted, 5_000).catch(
      async () => expect(await stack.sum(expr)).toBe(wanted),
    );
  });

  test("gauges of time and memory have plausible values", async () => {
    expect(await stack.sum("time() - max(holdfast_janitor_last_success_timestamp_seconds)")).toBeLessThan(5);
    const used = await stack.sum("holdfast_redis_memory_used_bytes");
    expect(used).toBeGreaterThan(500_000);
    expect(await stack.sum("holdfast_redis_memory_limit_bytes")).toBeGreaterThan(used);
    expect(await stack.sum("holdfast_redis_clients")).toBeGreaterThan(5);
    expect(await stack.sum("sum(holdfast_overlap_seconds_sum)")).toBeGreaterThan(0);
    // The worker sees by its own clock that its lease is lost. Redis may report the same loss again.
    expect([1, 2]).toContain(await stack.sum('sum(holdfast_lease_renewals_total{outcome="lost"})'));
    expect(await stack.sum('sum(holdfast_lease_renewals_total{outcome="renewed"})')).toBeGreaterThan(0);
  });

  test("every metric has the name, type, labels and service that docs/metrics.md gives", async () => {
    const rows = documentedMetrics();
    const said = new Map<string, { type: string; from: Set<string>; labels: Set<string> }>();
    for (const [service, ports] of Object.entries(stack.ports)) {
      if (service === "prometheus") continue;
      const text = await (await fetch(`http://127.0.0.1:${ports[0]}/metrics`)).text();
      for (const [, name = "", type = ""] of text.matchAll(/^# TYPE (holdfast_\w+) (\w+)$/gm)) {
        const entry = said.get(name) ?? { type, from: new Set(), labels: new Set() };
        said.set(name, entry);
        entry.from.add(service);
        const pattern = new RegExp(`^${name}(?:_bucket|_sum|_count)?\\{(.*)\\} `, "gm");
        for (const [, labels = ""] of text.matchAll(pattern)) {
          for (const [, label = ""] of labels.matchAll(/(\w+)="/g))
            if (label !== "le") entry.labels.add(label);
        }
      }
    }
    const described = (
      entries: [string, { type: string; from: Iterable<string>; labels: Iterable<string> }][],
    ) =>
      Object.fromEntries(
        entries.map(([name, { type, from, labels }]) => [
          name,
          { type, from: [...from].sort(), labels: [...labels].sort() },
        ]),
      );
    expect(described([...said])).toEqual(described(rows.map((row) => [row.name, row])));
  });

  test("there are few series, and no label has an id as its value", async () => {
    const budgets: Record<string, number> = {
      worker: 1_500,
      "producer-api": 300,
      "worker-api": 600,
      observability: 600,
      janitor: 300,
      dispatcher: 900,
    };
    const counts = await stack.query('count by (job, instance) ({__name__=~"holdfast_.+"})');
    expect(counts).toHaveLength(WORKERS + 5);
    for (const { metric, value } of counts) {
      expect(Number(value?.[1]), JSON.stringify(metric)).toBeLessThan(budgets[metric.job ?? ""] ?? 0);
    }
    expect(await stack.sum('count({__name__=~"holdfast_.+"})')).toBeLessThan(5_000);
    const ids = await stack.query(
      '{__name__=~"holdfast_.+",queue!~"default|mail|timed|default,mail|pushed|webhooks|"}',
    );
    expect(ids.map(({ metric }) => metric)).toEqual([]);
    expect(JSON.stringify(await stack.query('{__name__=~"holdfast_.+"}'))).not.toMatch(
      /failing-\d|hello-1|"slow"/,
    );
  });

  test.each(dashboards)("every expression of %s has data", async (_name, board) => {
    const empty: string[] = [];
    for (const { where, expr } of expressions(board)) {
      // Panels for workers with several queues also have to work if one queue is selected. Only the queue "timed" has
      // a schedule.
      for (const queue of [".*", expr.includes("holdfast_schedule_") ? "timed" : "default"]) {
        const result = await stack.range(filledIn(expr, { queue, interval: "15s" }));
        const points = result.flatMap(({ values }) => values ?? []);
        if (!points.some(([, value]) => Number.isFinite(Number(value)))) empty.push(`${where}: ${expr}`);
      }
    }
    expect(empty).toEqual([]);
  });

  test("the variables of the dashboards list the queues and the types", async () => {
    const values = async (label: string, match: string) =>
      stack.prometheus<string[]>(`label/${label}/values`, { "match[]": match });
    expect(await values("queue", "holdfast_queue_tasks")).toEqual([
      "default",
      "mail",
      "pushed",
      "timed",
      "webhooks",
    ]);
    expect(await values("type", 'holdfast_task_attempts_total{queue=~"default"}')).toEqual([
      "demo.cpu",
      "demo.crash",
      "demo.echo",
      "demo.flaky",
      "demo.sleep",
    ]);
  });

  test("every rule is evaluated without an error, and every recorded series has data", async () => {
    interface Rules {
      groups: {
        rules: { name: string; type: string; health: string; lastError?: string; query: string }[];
      }[];
    }
    const { groups } = await stack.prometheus<Rules>("rules");
    const rules = groups.flatMap((group) => group.rules);
    expect(rules.map(({ name }) => name).sort()).toEqual(
      [...recorded, ...alerts.map(({ name }) => name)].sort(),
    );
    expect(rules.filter(({ health, lastError }) => health !== "ok" || lastError)).toEqual([]);
    for (const name of recorded) {
      const points = (await stack.range(name)).flatMap(({ values }) => values ?? []);
      expect(
        points.some(([, value]) => Number.isFinite(Number(value))),
        name,
      ).toBe(true);
    }
    // An alert on a series that does not exist would never fire.
    for (const { name, query } of rules.filter(({ type }) => type === "alerting")) {
      const asked = [...query.matchAll(/\b(?:holdfast_\w+|queue:[\w:]+|up)\b(\{[^}]*\})?/g)].map(
        ([text]) => text,
      );
      expect(asked.length, name).toBeGreaterThan(0);
      for (const selector of asked)
        expect(await stack.query(selector), `${name}: ${selector}`).not.toEqual([]);
    }
  });

  test("the alerts that this run causes are pending or firing, and none of them is one that pages", async () => {
    const { alerts: active } = await stack.prometheus<{
      alerts: { labels: Record<string, string>; state: string }[];
    }>("alerts");
    const of = (state: string) =>
      active.filter((alert) => alert.state === state).map(({ labels }) => labels.alertname);
    expect(of("pending").concat(of("firing"))).toContain("DeadLettersPresent");
    expect(active.filter(({ labels, state }) => labels.severity === "page" && state === "firing")).toEqual(
      [],
    );
  });

  test("the commands of the runbooks work", async () => {
    const { ports, redis } = stack;
    const failed: string[] = [];
    let run = 0;
    for (const page of readdirSync(resolve(root, "docs/runbooks"))) {
      for (const [, block = ""] of read(`docs/runbooks/${page}`).matchAll(/```sh\n([\s\S]*?)```/g)) {
        for (const line of block.split("\n").map((text) => text.trim())) {
          if (!/^(curl|redis-cli) /.test(line)) continue;
          const command = line
            .replace(/^curl/, "curl --silent --show-error --fail-with-body --max-time 10")
            .replace(":3001", `:${ports.observability}`)
            .replace(":3000", `:${ports["producer-api"]}`)
            .replace(":3002", `:${ports["worker-api"]}`)
            .replace(":9090", `:${ports.prometheus}`)
            .replace(/^redis-cli/, `redis-cli -e -p ${redis.port}`);
          run++;
          try {
            execFileSync("bash", ["-c", command], { stdio: ["ignore", "ignore", "pipe"] });
          } catch (error) {
            failed.push(`${page}: ${line}\n${(error as Error).message}`);
          }
        }
      }
    }
    expect(failed).toEqual([]);
    expect(run).toBeGreaterThan(40);
  }, 60_000);
});
