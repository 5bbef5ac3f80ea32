// Runs the relay of an outbox in Postgres, in a separate process. A kill from outside rarely falls between an enqueue
// and the mark of its row. So with `diesAt`, the relay kills itself at one in so many of its calls to Postgres,
// before or after the call, while it has rows.
import { OutboxRelay } from "@holdfast/outbox";
import pg from "pg";
import { options, tell } from "./tell.mjs";

const { redis, postgres, batchRows, diesAt = Number.POSITIVE_INFINITY } = options;
const database = new pg.Pool({ connectionString: postgres, connectionTimeoutMillis: 2_000 });
let hasRows = false;
const mayDie = () => {
  if (hasRows && Math.random() * diesAt < 1) process.kill(process.pid, "SIGKILL");
};
database.on("connect", (client) => {
  const query = client.query.bind(client);
  client.query = async (text, values) => {
    mayDie();
    const result = await query(text, values);
    if (text.startsWith("SELECT")) hasRows = result.rows.length > 0;
    mayDie();
    return result;
  };
});
const relay = new OutboxRelay({ database, redis, batchRows, keepMs: 86_400_000 });
relay.on("relayed", ({ lagsMs: _, ...counts }) => tell("relayed", "ok", counts));
relay.on("refused", (row) => tell("refused", "fail", row));
relay.on("error", ({ code, message }) => tell("error", "info", { code, message }));
relay.start();
tell("process", "invoke", { what: "ready" });
