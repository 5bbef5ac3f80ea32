import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { type AddressInfo, connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "./until.ts";

export interface RedisServer {
  readonly port: number;
  readonly url: string;
  /** Sends SIGKILL, and waits for the end of the process. */
  kill(): Promise<void>;
  /** Sends a signal to the process, for example SIGSTOP or SIGCONT. */
  signal(signal: NodeJS.Signals): void;
  /** Starts the server again on the same port and folder. */
  start(): Promise<void>;
  /** Sends one inline command, like `CONFIG SET maxmemory 1`, and returns the first line of the reply. */
  command(line: string): Promise<string>;
  /** Ends the process and removes its folder. */
  stop(): Promise<void>;
}

/** Returns a port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** Starts a redis-server on a free port. Without `--appendonly yes` it keeps nothing on disk. */
export async function startRedisServer(args: readonly string[] = []): Promise<RedisServer> {
  const port = await freePort();
  const folder = await mkdtemp(join(tmpdir(), "holdfast-test-"));
  let server: ChildProcess | undefined;
  const hasEnded = () => !server || server.exitCode !== null || server.signalCode !== null;
  const kill = async () => {
    if (!server || hasEnded()) return;
    server.kill("SIGKILL");
    await once(server, "exit");
  };
  const start = async () => {
    const own = [
      "--port",
      String(port),
      "--bind",
      "127.0.0.1",
      "--save",
      "",
      "--appendonly",
      "no",
      "--dir",
      folder,
    ];
    const child = spawn("redis-server", [...own, ...args], { stdio: "ignore" });
    const failed = once(child, "error").then(([error]) => {
      throw new Error(`redis-server cannot be started: ${String(error)}`);
    });
    failed.catch(() => {});
    server = child;
    const answers = until("redis-server answers", async () => {
      if (hasEnded()) throw new Error(`redis-server ended with ${child.exitCode}`);
      // A server with a password refuses PING. The refusal shows that the server is up.
      return /^[+-](PONG|NOAUTH|DENIED)/.test(await send(port, "PING").catch(() => ""));
    });
    await Promise.race([failed, answers]);
  };
  await start();
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    kill,
    signal: (signal) => void server?.kill(signal),
    start,
    command: (line) => send(port, line),
    stop: async () => {
      await kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function send(port: number, line: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1" }, () => socket.write(`${line}\r\n`));
    let text = "";
    socket.on("data", (chunk) => {
      text += String(chunk);
      if (!text.includes("\r\n")) return;
      socket.destroy();
      resolve(text.slice(0, text.indexOf("\r\n")));
    });
    socket.once("error", reject);
    socket.once("close", () => reject(new Error("the connection was closed")));
  });
}
