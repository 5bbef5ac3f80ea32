import { Holdfast } from "holdfast";
import type { Context } from "../context.ts";
import { messageOf } from "../exit.ts";
import { type Finding, problem } from "./finding.ts";
import { checkClock, checkCluster, checkRoundTrip, checkServer, mastersOf, parseInfo } from "./server.ts";

const CONNECT_MS = 3_000;
const SAMPLES = 5;

/** Checks the configured Redis, or every master of a Cluster. @throws HoldfastError if a server does not answer */
export async function examineServers(context: Context): Promise<Finding[]> {
  const { clusterNodes, ...settings } = context.settings;
  const { connection } = context.client;
  await connection.ready(CONNECT_MS);
  if (!clusterNodes) return examineServer(context.client, context.where);
  const masters = mastersOf(await connection.command<string>("CLUSTER", "NODES"));
  const state = parseInfo(await connection.command<string>("CLUSTER", "INFO"));
  const findings = [checkCluster(state, masters.length)];
  for (const { host, port } of masters) {
    const client = new Holdfast({ redis: { ...settings, host, port }, prefix: context.prefix });
    const where = `${host}:${port}`;
    try {
      await client.connection.ready(CONNECT_MS);
      for (const finding of await examineServer(client, where))
        findings.push({ ...finding, detail: `${where}: ${finding.detail}` });
    } catch (error) {
      findings.push(problem("connection", messageOf(error), remedyOf(messageOf(error))));
    } finally {
      await client.close();
    }
  }
  return findings;
}

export function remedyOf(message: string): string {
  if (/NOAUTH|WRONGPASS/.test(message))
    return "give the password of this Redis: REDIS_PASSWORD, REDIS_PASSWORD_FILE, or within REDIS_URL";
  if (/NOPERM/.test(message)) return "allow this Redis user that command, or use another user";
  return "start Redis, open its port to this machine, or correct --redis or REDIS_URL";
}

async function examineServer(client: Holdfast, where: string): Promise<Finding[]> {
  const { offsetMs, roundTripMs } = await measureClock(client);
  const info = parseInfo(await client.connection.command<string>("INFO"));
  return [checkRoundTrip(where, roundTripMs), ...checkServer(info), checkClock(offsetMs, roundTripMs)];
}

/** Takes the fastest of a few round trips. The shorter a round trip is, the more exact is the offset of the clock. */
async function measureClock(client: Holdfast): Promise<{ offsetMs: number; roundTripMs: number }> {
  let best = { offsetMs: 0, roundTripMs: Number.POSITIVE_INFINITY };
  for (let sample = 0; sample < SAMPLES; sample++) {
    const startedAt = Date.now();
    const started = performance.now();
    const [seconds, micros] = await client.connection.command<[string, string]>("TIME");
    const roundTripMs = performance.now() - started;
    const redisAt = Number(seconds) * 1_000 + Number(micros) / 1_000;
    if (roundTripMs < best.roundTripMs)
      best = { offsetMs: redisAt - (startedAt + roundTripMs / 2), roundTripMs };
  }
  return best;
}
