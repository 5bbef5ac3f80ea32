import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { type ChildOptions, DevChild } from "./child.ts";

/** The processes that one `holdfast dev` has started. */
export class DevChildren {
  readonly #services: DevChild[] = [];
  readonly #redis: DevChild[] = [];
  readonly #guard = fork(fileURLToPath(new URL("./guard.js", import.meta.url)), {
    detached: true,
    stdio: ["ignore", "ignore", "ignore", "ipc"],
    // The new process must not inherit `--inspect`: it would try to listen on the inspector port of this process.
    execArgv: [],
  });
  readonly #killAll = () => {
    for (const child of this.all) child.kill();
  };

  constructor() {
    // `holdfast dev` works without the guard. The guard is needed only if the command is killed.
    this.#guard.on("error", () => {});
    this.#guard.unref();
    this.#guard.channel?.unref();
    // If the command exits before its processes have ended, this kills them.
    process.once("exit", this.#killAll);
  }

  get all(): readonly DevChild[] {
    return [...this.#services, ...this.#redis];
  }

  startService(name: string, program: string, options: ChildOptions): DevChild {
    return this.#add(this.#services, new DevChild(name, process.execPath, [program], options));
  }

  startRedis(name: string, command: string, args: readonly string[], options: ChildOptions): DevChild {
    return this.#add(this.#redis, new DevChild(name, command, args, options));
  }

  #add(list: DevChild[], child: DevChild): DevChild {
    list.push(child);
    if (child.pid !== undefined && this.#guard.connected)
      this.#guard.send({ pid: child.pid, isRedis: list === this.#redis });
    return child;
  }

  /** Ends all processes. Redis is the last one, because the services need it to end cleanly. */
  async stop(): Promise<void> {
    await Promise.all(this.#services.map((child) => child.stop()));
    await Promise.all(this.#redis.map((child) => child.stop()));
    process.off("exit", this.#killAll);
    this.#guard.kill("SIGKILL");
  }
}
