import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { executablePath, open } from "./browser/support.ts";
import { browserPage } from "./compose/people.ts";
import {
  choosePorts,
  compose,
  containers,
  docker,
  engineAnswers,
  inside,
  observabilityUrl,
  producerUrl,
  request,
  secrets,
  until,
} from "./compose/stack.ts";

// Uses a partitioned queue on three Redis nodes in containers, and kills one node under load.

const reachable = engineAnswers();
if (!reachable)
  console.warn("SKIPPED: no Docker engine answers, so the Cluster in containers is not tested (docker info)");

const NODES = ["redis", "redis-2", "redis-3"];
const QUEUE = "/v1/queues/hot";
const PARTITIONS = 6;
const BATCHES = 63;
const BATCH = 50;
// In the last third of the batches, one task in ten fails, so there are more than 100 dead letters. For more than 100,
// the dashboard asks the user to confirm an action.
const DEAD = (BATCHES / 3) * (BATCH / 10);

interface Stats {
  partitions: number | null;
  paused: boolean;
  pending: number;
  scheduled: number;
  processing: number;
  completed: number;
  dead: number;
  totals: { replayed: number };
}

describe.skipIf(!reachable)("the Compose stack on a Cluster of three nodes", () => {
  let key = "";
  let admin = "";
  const confirmed = new Set<string>();

  beforeAll(async () => {
    await choosePorts({
      COMPOSE_PROFILES: "cluster",
      REDIS_CLUSTER_NODES: NODES.map((node) => `${node}:6379`).join(),
      QUEUES: "hot",
      LEASE_MS: "3000",
      BACKOFF_BASE_MS: "100",
      BACKOFF_MAX_MS: "500",
    });
    compose(
      ...["up", "-d", "--build", "--wait", "--wait-timeout", "240"],
      ...["producer-api", "worker", "janitor", "observability"],
    );
    [key = "", admin = ""] = secrets("api-key", "redis-admin");
  }, 540_000);

  afterAll(() => {
    compose("down", "--volumes", "--remove-orphans", "--rmi", "local", "--timeout", "5");
  }, 120_000);

  const call = <T>(method: string, url: string, body?: unknown) =>
    request<T>(method, url, {
      headers: { authorization: `Bearer ${key}` },
      ...(body === undefined ? {} : { body }),
    });
  const stats = async () => (await call<Stats>("GET", `${observabilityUrl()}${QUEUE}`)).body;
  const redisCli = (node: string, command: string) =>
    inside(node, `REDISCLI_AUTH=${admin} redis-cli --user admin --no-auth-warning ${command}`).output;

  test("starts no Redis beside the three nodes, and an operator can partition the queue", async () => {
    const running = containers().map(({ Service }) => Service);
    expect(running.filter((service) => service.startsWith("redis")).sort()).toEqual(NODES);
    expect(redisCli("redis", "cluster info")).toContain("cluster_size:3");
    // The worker has registered the queue, which has no partitions yet.
    expect(await stats()).toMatchObject({ partitions: null, pending: 0 });
    const put = await call("PUT", `${observabilityUrl()}${QUEUE}/partitions`, { partitions: PARTITIONS });
    expect([put.status, put.body]).toEqual([200, { queue: "hot", partitions: PARTITIONS }]);
    expect(await stats()).toMatchObject({ partitions: PARTITIONS, paused: false });
  });

  /** Sends a batch until each of its tasks is confirmed. The ids stay the same, so no task is stored twice. */
  const enqueueBatch = async (batch: number): Promise<void> => {
    const tasks = Array.from({ length: BATCH }, (_, n) => {
      // Tasks fail only after the node is back. While it is away, a lease may expire. A task that also fails could
      // then use up its attempts.
      const isBad = batch >= (2 * BATCHES) / 3 && n % 10 === 0;
      return {
        id: `task-${batch}-${n}`,
        type: isBad ? "demo.flaky" : "demo.sleep",
        payload: isBad ? { failRate: 1 } : { ms: 20 },
        ...(isBad ? { maxRetries: 0 } : {}),
      };
    });
    await until(`batch ${batch} is confirmed`, 60_000, async () => {
      const url = `${producerUrl()}${QUEUE}/tasks/batch`;
      const missing = tasks.filter(({ id }) => !confirmed.has(id));
      const { body } = await call<{ results?: { id: string; status: number }[] }>("POST", url, missing);
      for (const { id, status } of body?.results ?? []) if (status < 300) confirmed.add(id);
      return tasks.every(({ id }) => confirmed.has(id)) ? true : undefined;
    });
  };

  test("loses no task that it accepts over HTTP while one node is killed and started again", async () => {
    // With "everysec", Redis may answer before it writes to disk. A kill would then lose writes that were confirmed.
    for (const node of NODES) expect(redisCli(node, "config set appendfsync always")).toBe("OK");
    const third = BATCHES / 3;
    for (let batch = 0; batch < third; batch++) await enqueueBatch(batch);
    const perNode = NODES.map((node) => Number(redisCli(node, "dbsize")));
    expect(Math.min(...perNode)).toBeGreaterThan(0);
    const victim = containers().find(({ Service }) => Service === "redis-2")?.ID ?? "";
    docker("kill", "--signal", "KILL", victim);
    const back = delay(3_000).then(() => docker("start", victim));
    for (let batch = third; batch < 2 * third; batch++) await enqueueBatch(batch);
    await back;
    for (let batch = 2 * third; batch < BATCHES; batch++) await enqueueBatch(batch);
    expect(confirmed.size).toBe(BATCHES * BATCH);
    let seen = await stats();
    await until("no task waits or runs", 90_000, async () => {
      seen = await stats();
      return seen.pending + seen.scheduled + seen.processing === 0 ? true : undefined;
    }).catch((error) => {
      const logs = compose("logs", "--tail", "40", "worker", "janitor", "redis-2");
      throw new Error(`${error}: ${JSON.stringify(seen)}\n${logs}`);
    });
    expect(seen).toMatchObject({ completed: confirmed.size - DEAD, dead: DEAD });
  }, 240_000);

  test.skipIf(!executablePath)(
    "the dashboard shows it as one queue, pauses and resumes it, and replays its dead letters",
    async () => {
      const page = await browserPage();
      try {
        await page.goto(`${observabilityUrl()}/queues/hot`);
        await page.getByLabel("API key").fill(key);
        await page.getByRole("button", { name: "Log in" }).click();
        const settings = page.getByRole("region", { name: "Settings" });
        await settings.getByText("Partitions").waitFor();
        await page.getByRole("button", { name: "Pause", exact: true }).click();
        await page.getByLabel("Reason").fill("vendor outage");
        await page.getByRole("button", { name: "Pause queue" }).click();
        await page.getByText("vendor outage").first().waitFor();
        expect(await stats()).toMatchObject({ paused: true });
        const held = await call<{ id: string }>("POST", `${producerUrl()}${QUEUE}/tasks`, {
          type: "demo.echo",
          payload: 1,
          partitionKey: "customer-1",
        });
        expect(held.status).toBe(201);
        await page.getByRole("button", { name: "Resume", exact: true }).click();
        const url = `${producerUrl()}${QUEUE}/tasks/${held.body.id}?waitMs=20000`;
        expect((await call("GET", url)).body).toMatchObject({ state: "completed", queue: "hot" });
        // Every replayed task fails again, so the dead letters show that tasks of all partitions ran.
        await open(page, `${observabilityUrl()}/queues/hot/dead-letters?view=groups`);
        const group = page.getByRole("row").filter({ hasText: "demo.flaky" });
        await group.getByRole("button", { name: "Replay", exact: true }).click();
        const dialog = page.getByRole("alertdialog");
        await dialog.getByText(`Replay ${DEAD} dead letters`).waitFor();
        await dialog.getByLabel("Confirmation").fill(`replay ${DEAD}`);
        await dialog.getByRole("button", { name: "Replay", exact: true }).click();
        await until("all replayed tasks have died again", 60_000, async () => {
          const { totals, dead } = await stats();
          return totals.replayed === DEAD && dead === totals.replayed ? true : undefined;
        });
      } finally {
        await page.context().browser()?.close();
      }
    },
    120_000,
  );
});
