import { freePort } from "./ports.mjs";
import { Child } from "./processes.mjs";
import { until } from "./until.mjs";

/** Runs the built form of a service in `services/`. */
export class Service extends Child {
  constructor(name, port, env, where) {
    super(process.execPath, [`services/${name}/dist/main.js`], {
      ...where,
      env: { LOG_LEVEL: "error", HOST: "127.0.0.1", ...env },
    });
    this.url = `http://127.0.0.1:${port}`;
  }

  /** Returns the status of /readyz, or 0 if the service does not answer. */
  async readiness() {
    try {
      const response = await fetch(`${this.url}/readyz`, { signal: AbortSignal.timeout(2_000) });
      await response.text();
      return response.status;
    } catch {
      return 0;
    }
  }

  /** Waits until /readyz answers with `status`. @returns how long that took, ms */
  async turns(status, timeoutMs) {
    const started = performance.now();
    await until(
      `${this.label} answers ${status}`,
      async () => {
        if (!this.running) throw new Error(`${this.label} ended: ${this.complaint()}`);
        return (await this.readiness()) === status;
      },
      timeoutMs,
      50,
    );
    return Math.round(performance.now() - started);
  }
}

export async function startService(name, env, where) {
  const port = await freePort();
  const ports = {
    PORT: String(port),
    OBSERVABILITY_PORT: String(port),
    METRICS_PORT: String(port),
    WORKER_API_PORT: String(port),
  };
  return new Service(name, port, { ...ports, ...env }, where);
}
