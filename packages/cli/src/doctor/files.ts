import { readdir, stat } from "node:fs/promises";
import { isIP } from "node:net";
import { dirname, join } from "node:path";
import type { Context } from "../context.ts";
import { type Finding, notice, ok } from "./finding.ts";

const READ_BY_ALL = 0o004;
const PASSED_BY_ALL = 0o001;

/** Whether every local user can read the path: its modes and those of all folders above allow it. */
async function isOpen(path: string, wanted: number): Promise<boolean> {
  if (((await stat(path)).mode & wanted) === 0) return false;
  const folder = dirname(path);
  return folder === path || isOpen(folder, PASSED_BY_ALL);
}

/** Returns the files below this folder that every local user can read. */
export async function openFiles(folder: string): Promise<string[]> {
  const open: string[] = [];
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile() && (await isOpen(path, READ_BY_ALL))) open.push(path);
  }
  return open;
}

function isLocal(host: string | undefined): boolean {
  return (
    host === undefined ||
    host === "localhost" ||
    host === "::1" ||
    (isIP(host) === 4 && host.startsWith("127."))
  );
}

/** Checks the data folder of a Redis on this machine, if Redis tells where it is. The folder contains payloads. */
export async function examineFiles(context: Context): Promise<Finding[]> {
  const { clusterNodes, sentinels, url, host } = context.settings;
  if (clusterNodes || sentinels || !isLocal(url === undefined ? host : new URL(url).hostname)) return [];
  try {
    const { connection } = context.client;
    const [, folder = ""] = (await connection.command<string[]>("CONFIG", "GET", "dir")).flat();
    const open = await openFiles(folder);
    if (open.length === 0) return [ok("files of Redis", `no other user of this machine can read ${folder}`)];
    return [
      notice(
        "files of Redis",
        `every user of this machine can read ${open.length} of the files in ${folder}, such as ${open[0]}: payloads are in them`,
        `chmod 700 ${folder}, and start Redis with umask 077`,
      ),
    ];
  } catch {
    // Redis does not tell this client where the folder is, or the local user cannot read the folder. So there is
    // nothing to report.
    return [];
  }
}
