// Sends INFO to a Redis over a plain socket, because `make up` needs this before any dependency is installed.
import { connect as connectPlain } from "node:net";
import { connect as connectTls } from "node:tls";

/**
 * Returns the fields of INFO, or null if nothing listens. Throws if another server answers. `ca` is a PEM text; with
 * it, the connection uses TLS.
 */
export function redisInfo({ host, port, username, password, ca, timeoutMs = 2_000 }) {
  return new Promise((resolve, reject) => {
    const socket = ca ? connectTls({ host, port, ca }) : connectPlain({ host, port });
    const auth = password ? `AUTH ${username ? `${username} ` : ""}${password}\r\n` : "";
    let text = "";
    const settle = (finish) => {
      socket.destroy();
      finish();
    };
    const foreign = (what) =>
      settle(() => reject(new Error(`${host}:${port} answers, but not as a Redis: ${what}`)));
    socket.setTimeout(timeoutMs, () => foreign("no reply"));
    socket.on(ca ? "secureConnect" : "connect", () => socket.write(`${auth}INFO everything\r\n`));
    socket.on("error", (error) =>
      settle(() => (error.code === "ECONNREFUSED" ? resolve(null) : reject(error))),
    );
    socket.on("close", () => foreign("it closed the connection"));
    socket.on("data", (chunk) => {
      text += chunk.toString("latin1");
      if (/^-(NOAUTH|WRONGPASS)/.test(text)) {
        const why = password ? "refuses this user and password" : "asks for a password";
        return settle(() =>
          reject(new Error(`the Redis at ${host}:${port} ${why}: set REDIS_USERNAME and REDIS_PASSWORD`)),
        );
      }
      if (text.startsWith("-")) return foreign(text.slice(1).split("\r\n")[0]);
      const bulk = /\$(\d+)\r\n/.exec(text);
      if (bulk === null) {
        if (text.length > 64 && !text.startsWith("+OK")) foreign("no INFO");
        return;
      }
      const start = bulk.index + bulk[0].length;
      if (text.length < start + Number(bulk[1])) return;
      const lines = text.slice(start, start + Number(bulk[1])).split("\r\n");
      const pairs = lines
        .filter((line) => line.includes(":"))
        .map((line) => line.split(/:(.*)/s).slice(0, 2));
      settle(() => resolve(Object.fromEntries(pairs)));
    });
  });
}

/**
 * Returns the reason why Holdfast cannot use this Redis; null if it can. Also returns a `warning` about a setting
 * that should be changed.
 */
export function judgeRedis(info) {
  const version = info.redis_version ?? "unknown";
  if (Number(version.split(".")[0]) < 7)
    return { problem: `it is Redis ${version}, but Holdfast needs 7.0 or later` };
  const policy = info.maxmemory_policy;
  if (policy !== undefined && policy !== "noeviction") {
    return {
      problem: `its maxmemory-policy is ${policy}, which loses tasks when memory runs out: CONFIG SET maxmemory-policy noeviction`,
    };
  }
  if (info.aof_enabled === "0") {
    return {
      problem: null,
      warning: "it keeps no append-only file (appendonly no): a crash of Redis loses tasks",
    };
  }
  return { problem: null };
}
