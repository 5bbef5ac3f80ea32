import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePort, type RedisServer, type ServiceProcess, startService } from "@holdfast/testing";
import { Receiver } from "./receiver.ts";

const MAIN = fileURLToPath(new URL("../dist/main.js", import.meta.url));
let names = 0;

/** A name that no other test uses. */
export const newName = (what: string) => `${what}-${++names}`;

export interface Dispatcher {
  service: ServiceProcess;
  url: string;
  metrics(): Promise<string>;
}

/** Starts receivers and dispatchers as processes, and stops all of them in `clean`. */
export class Systems {
  readonly #redis: () => RedisServer;
  #receivers: Receiver[] = [];
  #services: ServiceProcess[] = [];

  constructor(redis: () => RedisServer) {
    this.#redis = redis;
  }

  async receiver(): Promise<Receiver> {
    const receiver = await new Receiver().up();
    this.#receivers.push(receiver);
    return receiver;
  }

  /** @param env further variables, such as the secrets that the file names */
  async dispatcher(file: object, env: Record<string, string> = {}): Promise<Dispatcher> {
    const path = join(mkdtempSync(join(tmpdir(), "holdfast-dispatcher-")), "endpoints.json");
    writeFileSync(path, JSON.stringify(file));
    const port = await freePort();
    const service = startService(MAIN, {
      REDIS_URL: this.#redis().url,
      ENDPOINTS_FILE: path,
      DISPATCHER_PORT: String(port),
      ...env,
    });
    this.#services.push(service);
    await service.says("dispatcher is running", 40_000);
    const url = `http://127.0.0.1:${port}`;
    return { service, url, metrics: async () => (await fetch(`${url}/metrics`)).text() };
  }

  async clean(): Promise<void> {
    await Promise.all(this.#services.splice(0).map((service) => service.kill()));
    await Promise.all(this.#receivers.splice(0).map((receiver) => receiver.down()));
  }
}
