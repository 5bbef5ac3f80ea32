import { once } from "node:events";
import { createServer } from "node:http";
import type { OutboxRelay } from "@holdfast/outbox";
import { Counter, Gauge, Histogram, Registry } from "prom-client";

const LAG_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300, 3_600];

/** Returns the metrics of a relay, which docs/outbox.md lists. */
export function relayMetrics(relay: OutboxRelay): Registry {
  const registry = new Registry();
  const registers = [registry];
  const counter = (name: string, help: string) =>
    new Counter({ name: `holdfast_outbox_${name}`, help, registers });
  const sent = counter("sent_total", "Rows that were sent.");
  const found = counter("found_total", "Rows that were sent again, and whose tasks were found.");
  const merged = counter("merged_total", "Rows whose unique key was held by another task.");
  const refused = counter("refused_total", "Rows that were refused for good.");
  const errors = counter("errors_total", "Failed attempts to read rows or to enqueue those of a queue.");
  const lag = new Histogram({
    name: "holdfast_outbox_lag_seconds",
    help: "Seconds from the insertion of a row to its enqueue; 0.005 to 3,600.",
    buckets: LAG_SECONDS,
    registers,
  });
  const rows = new Gauge({
    name: "holdfast_outbox_rows",
    help: "Rows that wait (pending) or were refused for good (refused).",
    labelNames: ["state"],
    registers,
    // If the database does not answer, these metrics keep their last values, and the counter of errors grows.
    collect: () => relay.counts().then(setCounts, () => {}),
  });
  const oldest = new Gauge({
    name: "holdfast_outbox_oldest_pending_seconds",
    help: "Age of the oldest row that waits; 0 if none waits.",
    registers,
  });
  const setCounts = (counts: Awaited<ReturnType<OutboxRelay["counts"]>>) => {
    rows.set({ state: "pending" }, counts.pending);
    rows.set({ state: "refused" }, counts.refused);
    oldest.set(counts.oldestPendingMs / 1_000);
  };
  relay.on("relayed", (event) => {
    sent.inc(event.sent);
    found.inc(event.found);
    merged.inc(event.merged);
    for (const ms of event.lagsMs) lag.observe(ms / 1_000);
  });
  relay.on("refused", () => refused.inc());
  relay.on("error", () => errors.inc());
  return registry;
}

/** Serves the metrics at `/metrics`. @returns a function that stops the server */
export async function serveMetrics(
  registry: Registry,
  host: string,
  port: number,
): Promise<() => Promise<void>> {
  const server = createServer((request, response) => {
    if (request.method !== "GET" || request.url?.split("?")[0] !== "/metrics") {
      response.writeHead(404).end();
      return;
    }
    registry.metrics().then(
      (text) => response.writeHead(200, { "content-type": registry.contentType }).end(text),
      () => response.writeHead(500).end(),
    );
  });
  server.listen(port, host);
  await once(server, "listening");
  return async () => {
    server.close();
    server.closeAllConnections();
    await once(server, "close");
  };
}
