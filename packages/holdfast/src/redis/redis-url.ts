import { HoldfastError } from "@holdfast/contracts";
import type { ConnectionSettings } from "./connection-settings.ts";

const FORMS = "redis://user:password@host:6379/0, rediss://… for TLS, or unix:///path/to/redis.sock";

const SOCKET_HOST = "socket.invalid";

// The message does not contain the URL, because the URL may have a password.
function refuse(why: string): never {
  throw new HoldfastError(
    "invalid_argument",
    `the Redis URL ${why}. See docs/options.md#connection-to-redis`,
  );
}

/**
 * Parses a Redis URL. Unknown parts are refused, so that a mistake does not store tasks in the wrong place.
 * @throws HoldfastError invalid_argument
 */
export function parseRedisUrl(text: string): ConnectionSettings {
  if (text === "") refuse(`is empty: it has to look like ${FORMS}`);
  // These characters cannot be part of an address. Only the path of a socket may have spaces.
  if (text !== text.trim() || /[\r\n\t]/.test(text))
    refuse("has spaces or line breaks around it: remove them");
  if (/^["'`]|["'`]$/.test(text)) refuse("has quotes around it: remove them");
  if (text.startsWith("/")) return { path: text };
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1]?.toLowerCase();
  if (scheme === undefined) refuse(`has to begin with redis://, rediss:// or unix://: ${FORMS}`);
  if (/^(?:redis\+socket|redis\+unix|redis-socket)$/.test(scheme)) refuse("of a socket begins with unix://");
  if (!["redis", "rediss", "unix"].includes(scheme))
    refuse(`begins with ${scheme}://, which is unknown: ${FORMS}`);
  // A URL with a user name needs a host, so the address of a socket gets one while it is parsed.
  const address = scheme === "unix" ? text.replace(/^([^/]*\/\/[^/]*@)\//, `$1${SOCKET_HOST}/`) : text;
  if (!URL.canParse(address) || / /.test(scheme === "unix" ? "" : text))
    refuse(
      "cannot be read: write characters such as @ : / ? # % and spaces in a user name or password as %40 %3A %2F %3F %23 %25 %20",
    );
  const url = new URL(address);
  if (url.hash !== "") refuse("has a #: write it as %23 in a password");
  const settings: ConnectionSettings = { ...credentialsOf(url), ...queryOf(url) };
  if (scheme === "unix") return { ...settings, ...socketOf(url) };
  if (scheme === "rediss") settings.tls = true;
  if (url.hostname === "") {
    const isSocket = /\.sock|^\/(?:tmp|var|run)\//.test(url.pathname);
    refuse(isSocket ? "has no host: for a socket write unix:///path/to/redis.sock" : "has no host");
  }
  settings.host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  if (url.port === "0") refuse("has port 0: it has to be 1 to 65535");
  settings.port = url.port === "" ? 6379 : Number(url.port);
  const path = url.pathname.replace(/^\//, "");
  if (path !== "") settings.db = databaseOf(path, settings.db);
  return settings;
}

function credentialsOf(url: URL): ConnectionSettings {
  const username = decoded("user name", url.username);
  const password = decoded("password", url.password);
  return {
    ...(username === "" ? {} : { username }),
    ...(password === "" ? {} : { password }),
  };
}

function decoded(what: string, text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return refuse(`has a % in its ${what} that does not begin an escape: write it as %25`);
  }
}

function socketOf(url: URL): ConnectionSettings {
  if (url.hostname !== "" && url.hostname !== SOCKET_HOST)
    refuse("of a socket has three slashes: unix:///path/to/redis.sock");
  const path = decoded("path", url.pathname);
  if (path === "" || path === "/") refuse("names no socket: unix:///path/to/redis.sock");
  return { path };
}

function queryOf(url: URL): ConnectionSettings {
  const settings: ConnectionSettings = {};
  for (const [name, value] of url.searchParams) {
    if (name === "db") settings.db = databaseOf(value, settings.db);
    else if (name === "family" && (value === "4" || value === "6")) settings.family = Number(value);
    else if (name === "family") refuse("has a family that is neither 4 nor 6");
    else
      refuse(
        `has ${/^[A-Za-z]{1,40}$/.test(name) ? `the parameter ${name}` : "a parameter"} after its "?", which is not known: it takes db and family; write a ? in a password as %3F, and give other settings as an object`,
      );
  }
  return settings;
}

function databaseOf(text: string, other: number | undefined): number {
  if (!/^\d{1,6}$/.test(text))
    refuse('names a database that is not a number: after the host comes "/" and a number, such as /0');
  const db = Number(text);
  if (other !== undefined && other !== db) refuse("names two databases");
  return db;
}
