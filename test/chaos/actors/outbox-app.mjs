// An application that enqueues tasks in transactions of Postgres, and rolls back some of them. Its table `orders` has
// the ids of the tasks in all committed transactions.
import { setTimeout as sleep } from "node:timers/promises";
import { Outbox } from "@holdfast/outbox";
import pg from "pg";
import { options, tell } from "./tell.mjs";

const { queue, postgres, loops = 8, pauseMs = 5, rolledBack = 0.3 } = options;
const outbox = new Outbox();
const pool = new pg.Pool({ connectionString: postgres, connectionTimeoutMillis: 2_000 });
pool.on("error", () => {});
let stopping = false;
process.on("SIGTERM", () => {
  stopping = true;
});

async function transaction() {
  const client = await pool.connect();
  client.on("error", () => {});
  let phase = "fail";
  let ids = [];
  try {
    await client.query("BEGIN");
    const tasks = Array.from({ length: 1 + Math.floor(Math.random() * 3) }, () => ({
      type: "sleep",
      payload: { ms: 2 },
    }));
    const receipts = await outbox.enqueueManyTx(client, queue, tasks);
    ids = receipts.map(({ id }) => id);
    // The rows become visible to others only with the COMMIT, so the enqueue cannot have begun earlier than here.
    for (const id of ids) tell("enqueue", "invoke", { id });
    await client.query("INSERT INTO orders SELECT unnest($1::text[])", [ids]);
    if (Math.random() < rolledBack) await client.query("ROLLBACK");
    else {
      phase = "info";
      await client.query("COMMIT");
      phase = "ok";
    }
    client.release();
  } catch (error) {
    client.release(error);
    throw error;
  } finally {
    for (const id of ids) tell("enqueue", phase, { id });
  }
}

async function loop() {
  while (!stopping) {
    await transaction().catch(() => sleep(100));
    await sleep(pauseMs);
  }
}

tell("process", "invoke", { what: "ready" });
await Promise.all(Array.from({ length: loops }, loop));
process.exit(0);
