import { execFile } from "node:child_process";
import { readdir, readFile, readlink } from "node:fs/promises";
import { promisify } from "node:util";

/**
 * Returns the process that listens on a local TCP port, such as `node dist/main.js (pid 4711)`. Returns null if the
 * process cannot be found, because it belongs to another user or runs in a container.
 */
export async function portHolder(port: number): Promise<string | null> {
  try {
    return process.platform === "linux" ? await holderFromProc(port) : await holderFromLsof(port);
  } catch {
    return null;
  }
}

/** Whether the process listens on this local TCP port; null if this machine cannot tell. */
export async function holdsPort(pid: number, port: number): Promise<boolean | null> {
  try {
    if (process.platform !== "linux") return (await lsof(port)).includes(`p${pid}`);
    const sockets = await listeningSockets(port);
    for (const descriptor of await readdir(`/proc/${pid}/fd`)) {
      const target = await readlink(`/proc/${pid}/fd/${descriptor}`).catch(() => "");
      if (sockets.has(target)) return true;
    }
    return false;
  } catch (error) {
    // The process has ended in the meantime, or this machine has neither /proc nor lsof.
    return (error as NodeJS.ErrnoException).syscall?.startsWith("spawn") ? null : false;
  }
}

/**
 * Returns the message for a port that is in use. The message names the process that holds the port, and the variable
 * that sets another port.
 */
export async function portInUseMessage(port: number, variable: string): Promise<string> {
  const holder = (await portHolder(port)) ?? "another process (of another user, or in a container)";
  return `port ${port} is in use by ${holder}: end it or set ${variable} to a free port`;
}

export function isPortInUse(error: unknown): boolean {
  return (error as NodeJS.ErrnoException | null)?.code === "EADDRINUSE";
}

/** Returns the inodes of the sockets that listen on the port, from the text of `/proc/net/tcp` or `tcp6`. */
export function listeningInodes(table: string, port: number): string[] {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  return table
    .split("\n")
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[1]?.endsWith(suffix) && fields[3] === "0A")
    .map((fields) => fields[9] ?? "");
}

async function listeningSockets(port: number): Promise<Set<string>> {
  const tables = await Promise.all(
    ["/proc/net/tcp", "/proc/net/tcp6"].map((path) => readFile(path, "utf8").catch(() => "")),
  );
  return new Set(tables.flatMap((table) => listeningInodes(table, port)).map((inode) => `socket:[${inode}]`));
}

async function holderFromProc(port: number): Promise<string | null> {
  const sockets = await listeningSockets(port);
  if (sockets.size === 0) return null;
  for (const pid of await readdir("/proc")) {
    if (!/^\d+$/.test(pid)) continue;
    const descriptors = await readdir(`/proc/${pid}/fd`).catch(() => []);
    for (const descriptor of descriptors) {
      const target = await readlink(`/proc/${pid}/fd/${descriptor}`).catch(() => "");
      if (!sockets.has(target)) continue;
      const command = (await readFile(`/proc/${pid}/cmdline`, "utf8")).replaceAll("\0", " ").trim();
      return `"${command.slice(0, 120)}" (pid ${pid})`;
    }
  }
  return null;
}

async function holderFromLsof(port: number): Promise<string | null> {
  const text = (await lsof(port)).join("\n");
  const pid = /^p(\d+)$/m.exec(text)?.[1];
  return pid === undefined ? null : `"${/^c(.+)$/m.exec(text)?.[1] ?? "?"}" (pid ${pid})`;
}

/** Returns lines about each process that listens on the port: `p<pid>`, `c<command>`. */
async function lsof(port: number): Promise<string[]> {
  const { stdout } = await promisify(execFile)("lsof", ["-nP", `-iTCP:${port}`, "-sTCP:LISTEN", "-Fpc"]);
  return stdout.split("\n");
}
