import { startRedisServer } from "@holdfast/testing";
import type { TestProject } from "vitest/node";

declare module "vitest" {
  export interface ProvidedContext {
    holdfastRedisUrl: string;
  }
}

/** Starts one Redis for all files of a run. Each test has its own queue in it. */
export async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const given = process.env.HOLDFAST_TEST_REDIS_URL;
  if (given) {
    project.provide("holdfastRedisUrl", given);
    return undefined;
  }
  const server = await startRedisServer();
  project.provide("holdfastRedisUrl", server.url);
  return () => server.stop();
}
