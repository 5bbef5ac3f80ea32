import { expect, test } from "vitest";
import { library } from "../support/library.ts";

// With HOLDFAST_SEARCH_TASKS=1000000, the test searches a million tasks and prints what each clause costs.
const TASKS = Number(process.env.HOLDFAST_SEARCH_TASKS ?? 20_000);
const BATCH = 10_000;
/** How many tasks are used to measure the costs. */
const MEASURED = Math.min(TASKS, 20_000);

const CLAUSES = [
  // A word without a field also searches the ids. These are random, so the word is long enough to be in none of them.
  ...[
    "type:email.none",
    "-type:*",
    "tag:tenant:none",
    "attempts:>3",
    "enqueued:>1h",
    "nonesuch",
    "error~none",
  ],
  ...["payload~none", "payload.order.id=none", "payload.items.*.sku=none", "payload.order.total>1e9"],
];

async function manyTasks() {
  const parts = library();
  const { name, client, queue, observer } = parts;
  for (let from = 0; from < TASKS; from += BATCH) {
    await queue.enqueueMany(
      Array.from({ length: Math.min(BATCH, TASKS - from) }, (_, at) => {
        const n = from + at;
        return {
          type: n % 10 === 0 ? "email.send" : "order.pay",
          tags: [`tenant:${n % 100}`],
          payload: {
            order: { id: `order-${n}`, total: n % 1_000, note: "as it is ".repeat(15) },
            items: [{ sku: `a-${n % 7}` }, { sku: "b" }],
          },
        };
      }),
    );
  }
  /** What was used so far: the bytes that Redis has sent, and the CPU time of Redis and of this process, µs. */
  const used = async () => {
    const info = await client.connection.command<string>("INFO", "everything");
    const of = (field: string) => Number(new RegExp(`^${field}:([\\d.]+)`, "m").exec(info)?.[1]);
    const { user, system } = process.cpuUsage();
    const redis = 1e6 * (of("used_cpu_user") + of("used_cpu_sys"));
    return { bytes: of("total_net_output_bytes"), redis, own: user + system };
  };
  return { name, observer, used };
}

test("the first rows of a large queue come within a second, and a search says what it scanned", async () => {
  const { name, observer, used } = await manyTasks();
  const timed = async (query: string, limit = 50) => {
    const from = performance.now();
    const page = await observer.search([name], { query, limit });
    return { page, ms: performance.now() - from };
  };
  await timed("type:email.*");
  const often = await timed("type:email.* payload.items.*.sku:a-*");
  expect(often.page).toMatchObject({ total: TASKS, cursor: expect.any(String) });
  expect(often.page.tasks).toHaveLength(50);
  expect(often.ms).toBeLessThan(1_000);
  // A page without any match also comes within a second, and says how many tasks were scanned.
  const rare = await timed(`payload.order.id=order-${TASKS - 1}`);
  expect(rare.page).toMatchObject({ tasks: [], total: TASKS, cursor: expect.any(String) });
  expect(rare.page.scanned).toBeGreaterThanOrEqual(1_000);
  expect(rare.page.scanned).toBeLessThan(TASKS / 10);
  expect(rare.ms).toBeLessThan(1_000);

  const lines: string[] = [];
  // The first clause is measured a second time at the end, because V8 has compiled the code by then.
  for (const query of [...CLAUSES, ...CLAUSES.slice(0, 1)]) {
    let [scanned, cursor] = [0, ""];
    const before = await used();
    do {
      const page = await observer.search([name], { query, limit: 100, ...(cursor === "" ? {} : { cursor }) });
      expect(page.tasks).toHaveLength(0);
      scanned += page.scanned;
      cursor = page.cursor ?? "";
    } while (cursor !== "" && scanned < MEASURED);
    expect(scanned).toBeGreaterThanOrEqual(MEASURED);
    const after = await used();
    const each = (name: "bytes" | "redis" | "own") => ((after[name] - before[name]) / scanned).toFixed(1);
    lines.push(
      `${query.padEnd(26)} ${each("own")} µs here, ${each("redis")} µs in Redis, ${each("bytes")} bytes`,
    );
  }
  if (process.env.HOLDFAST_SEARCH_TASKS)
    process.stdout.write(
      `${TASKS} tasks: ${often.ms.toFixed(0)} ms for 50 rows of one in ten; ${rare.page.scanned} scanned in ${rare.ms.toFixed(0)} ms\nfor each scanned task:\n${lines.join("\n")}\n`,
    );
}, 900_000);
