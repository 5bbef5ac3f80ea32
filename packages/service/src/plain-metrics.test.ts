import { Counter, Histogram, Registry } from "prom-client";
import { expect, test } from "vitest";
import { PlainCounter, PlainHistogram } from "./plain-metrics.ts";

test("the same observations give the same text as in prom-client", async () => {
  const [ours, theirs] = [new Registry(), new Registry()];
  const counter = new PlainCounter(ours, "taken_total", "Taken.", ["queue", "type"]);
  const histogram = new PlainHistogram(ours, "seconds", "Time.", ["route"], [0.1, 1]);
  const labelNames = ["queue", "type"];
  const theirCounter = new Counter({ name: "taken_total", help: "Taken.", labelNames, registers: [theirs] });
  const theirHistogram = new Histogram({
    name: "seconds",
    help: "Time.",
    labelNames: ["route"],
    buckets: [0.1, 1],
    registers: [theirs],
  });
  for (const queue of ["a", 'b"\\', "a"]) {
    counter.of(queue, "t").count += 2;
    theirCounter.inc({ queue, type: "t" }, 2);
  }
  for (const seconds of [0.05, 0.1, 0.5, 1, 7]) {
    histogram.of("/x").observe(seconds);
    theirHistogram.observe({ route: "/x" }, seconds);
  }
  expect(await ours.metrics()).toBe(await theirs.metrics());
});
