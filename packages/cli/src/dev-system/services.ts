import { existsSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { DevChild } from "./child.ts";
import type { DevChildren } from "./children.ts";
import { freePort } from "./ports.ts";

const READY_MS = 120_000;
/** The variable that sets the port of a service. */
const PORT_VARIABLES = {
  janitor: "METRICS_PORT",
  "producer-api": "PORT",
  observability: "OBSERVABILITY_PORT",
  worker: "METRICS_PORT",
} as const;
export type ServiceName = keyof typeof PORT_VARIABLES;

/** Returns the path of a service's program, in the published package or in the repository. */
function programOf(name: ServiceName): string {
  const places = [`../../${name}/dist/main.js`, `../../../../services/${name}/dist/main.js`];
  const found = places.map((place) => fileURLToPath(new URL(place, import.meta.url))).find(existsSync);
  if (found === undefined) throw new Error(`the service ${name} is missing: run make build`);
  return found;
}

/**
 * Starts services, and waits until all of them are ready. @param ports the ports of services; a service that is not
 * named gets any free port
 */
export async function startServices(
  children: DevChildren,
  names: readonly ServiceName[],
  ports: Partial<Record<ServiceName, number>>,
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<void> {
  const started: [DevChild, number][] = [];
  for (const name of names) {
    const port = ports[name] ?? (await freePort(0));
    const own = { ...env, [PORT_VARIABLES[name]]: String(port) };
    started.push([
      children.startService(name, programOf(name), { env: own, output: process.stderr.fd }),
      port,
    ]);
  }
  for (const [child, port] of started) await untilReady(child, port, signal);
}

async function untilReady(child: DevChild, port: number, signal: AbortSignal): Promise<void> {
  const end = performance.now() + READY_MS;
  for (; performance.now() < end; await sleep(100, undefined, { signal })) {
    if (!child.isRunning) throw new Error(`${child.name} ended: ${await child.ended}`);
    const answer = await fetch(`http://127.0.0.1:${port}/readyz`, { signal }).catch(() => null);
    if (answer?.ok) return;
  }
  throw new Error(`${child.name} was not ready within ${READY_MS / 1_000} s`);
}
