import { expect, test } from "vitest";
import { createMetrics, LabelCap, OTHER } from "./metrics.ts";

test("a label keeps its first values, and all further values become __other__", () => {
  const cap = new LabelCap(2);
  expect(["a", "b", "c", "a", "d"].map((value) => cap.value(value))).toEqual(["a", "b", OTHER, "a", OTHER]);
});

test("every service reports its version, Redis and scripts under the holdfast prefix", async () => {
  const metrics = createMetrics({ service: "trial", version: "9.9.9" });
  metrics.setRedisUp(true);
  metrics.onScript("enqueue", 0.002);
  metrics.observeHttp("GET", "/v1/x", 404, 0.01);
  const text = await metrics.registry.metrics();
  expect(text).toContain('holdfast_build_info{service="trial",version="9.9.9"} 1');
  expect(text).toContain("holdfast_redis_up 1");
  expect(text).toContain('holdfast_redis_script_seconds_count{script="enqueue"} 1');
  expect(text).toContain(
    'holdfast_http_request_duration_seconds_count{method="GET",route="/v1/x",status_class="4xx"} 1',
  );
});
