import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { connect } from "node:tls";
import { freePort, startRedisServer, until } from "@holdfast/testing";
import {
  type ConnectionSettings,
  Holdfast,
  type HoldfastError,
  Janitor,
  Observer,
  Queue,
  Worker,
} from "holdfast";
import { expect, test, vi } from "vitest";
import { afterwards, started } from "../../packages/holdfast/test/support/library.ts";
import { authority } from "./certificates.ts";
import { folder } from "./secured-redis.ts";

const PASSWORD = "a-password-of-the-test";

/** Runs a server until the end of the test. */
function serve([command = "", ...args]: string[]): void {
  const server: ChildProcess = spawn(command, args, { stdio: "ignore" });
  afterwards(async () => {
    server.kill("SIGKILL");
    if (server.exitCode === null && server.signalCode === null) await once(server, "exit");
  });
}

/** Starts a redis-server that has only a TLS port. */
async function tlsRedis(options: { names?: string[]; clientCertificates?: boolean } = {}) {
  const home = folder();
  const trusted = authority(home, "trusted");
  const { certFile, keyFile } = trusted.issue("server", options.names ?? ["IP:127.0.0.1", "DNS:localhost"]);
  const port = await freePort();
  const tls = ["--tls-cert-file", certFile, "--tls-key-file", keyFile, "--tls-ca-cert-file", trusted.caFile];
  serve([
    ...["redis-server", "--port", "0", "--tls-port", String(port), "--bind", "127.0.0.1", "--save", ""],
    ...["--dir", home, ...tls, "--tls-auth-clients", options.clientCertificates ? "yes" : "no"],
    ...["--requirepass", PASSWORD],
  ]);
  await until("the TLS port is open", async () => {
    const socket = connect({ port, host: "127.0.0.1", rejectUnauthorized: false });
    const open = await once(socket, "secureConnect").then(
      () => true,
      () => false,
    );
    socket.destroy();
    return open;
  });
  return { home, port, trusted, tls, url: `rediss://:${PASSWORD}@127.0.0.1:${port}` };
}

async function refusalOf(redis: ConnectionSettings): Promise<HoldfastError> {
  const client = new Holdfast({ redis });
  afterwards(() => client.close());
  return client.check(1_500).then(
    () => expect.unreachable("it got in"),
    (error: HoldfastError) => error,
  );
}

test("a queue, a worker with its heartbeat thread, a janitor and an observer use TLS", async () => {
  const { url, trusted } = await tlsRedis();
  const redis = { url, tlsCaFile: trusted.caFile };
  const queue = new Queue("work", { redis });
  afterwards(() => queue.close());
  const observer = new Observer({ redis });
  afterwards(() => observer.close());
  const errors: string[] = [];
  const renewals: string[] = [];
  let finish = () => {};
  const handler = () => new Promise<string>((resolve) => (finish = () => resolve("done")));
  const worker = new Worker("work", { t: handler }, { redis, leaseMs: 300, pollMs: 10_000 });
  worker.on("error", (error) => errors.push(error.message));
  worker.on("renewal", ({ outcome }) => renewals.push(outcome));
  await started(worker);
  const janitor = new Janitor({ redis });
  janitor.on("error", (error) => errors.push(error.message));
  await started(janitor);
  const { id } = await queue.enqueue("t", { n: 1 });
  await until("the heartbeat thread has renewed the lease", () => renewals.includes("renewed"));
  finish();
  expect(await queue.result(id, { waitMs: 5_000 })).toMatchObject({
    state: "completed",
    resultText: '"done"',
  });
  expect(await observer.stats("work")).toMatchObject({ completed: 1 });
  expect(await observer.workers()).toMatchObject([{ state: "running" }]);
  expect(errors).toEqual([]);
});

test("a connection by host and port uses TLS if `tls` or only a CA is set", async () => {
  const { port, trusted } = await tlsRedis();
  const address = { host: "127.0.0.1", port, password: PASSWORD, tlsCaFile: trusted.caFile };
  for (const redis of [{ ...address, tls: true }, address]) {
    const client = new Holdfast({ redis });
    afterwards(() => client.close());
    expect((await client.check()).redisVersion).toMatch(/^\d/);
  }
});

test("a certificate of another CA is refused before the password is sent, and the error names the setting", async () => {
  const { url, home, port } = await tlsRedis();
  const other = authority(home, "other");
  for (const error of await Promise.all([{ url, tlsCaFile: other.caFile }, { url }].map(refusalOf))) {
    expect(error).toMatchObject({ code: "redis_unavailable" });
    expect(error.message).toContain(`127.0.0.1:${port}`);
    expect(error.message).toContain("REDIS_TLS_CA_FILE");
    expect(error.message).not.toContain(PASSWORD);
  }
});

test("NODE_TLS_REJECT_UNAUTHORIZED=0 does not make an untrusted certificate trusted", async () => {
  const redis = await tlsRedis();
  vi.stubEnv("NODE_TLS_REJECT_UNAUTHORIZED", "0");
  afterwards(async () => void vi.unstubAllEnvs());
  // Node itself accepts the certificate. This shows that the variable works in this process.
  const socket = connect({ port: redis.port, host: "127.0.0.1" });
  await once(socket, "secureConnect");
  socket.destroy();
  const settings = ([{}, { tls: true }, { tls: {} }] as const).map((tls) => ({ url: redis.url, ...tls }));
  for (const error of await Promise.all(settings.map(refusalOf)))
    expect(error.message).toContain("not trusted");
});

test("a certificate for another name is refused, unless tlsServerName is that name", async () => {
  const { url, trusted } = await tlsRedis({ names: ["DNS:redis.internal"] });
  const redis = { url, tlsCaFile: trusted.caFile };
  expect((await refusalOf(redis)).message).toContain("REDIS_TLS_SERVER_NAME");
  const client = new Holdfast({ redis: { ...redis, tlsServerName: "redis.internal" } });
  afterwards(() => client.close());
  await client.check();
});

test("if Redis asks for client certificates, it accepts only certificates from its CA", async () => {
  const { url, trusted, home } = await tlsRedis({ clientCertificates: true });
  const redis = { url, tlsCaFile: trusted.caFile };
  // Either the TLS alert or the reset of the connection comes first, and the message depends on that. So it is not
  // compared.
  const mine = trusted.issue("client", ["DNS:client"]);
  const client = new Holdfast({ redis: { ...redis, tlsCertFile: mine.certFile, tlsKeyFile: mine.keyFile } });
  afterwards(() => client.close());
  await client.check();
  const stranger = authority(home, "other").issue("client", ["DNS:client"]);
  const with_ = { ...redis, tlsCertFile: stranger.certFile, tlsKeyFile: stranger.keyFile };
  for (const error of await Promise.all([redis, with_].map(refusalOf)))
    expect(error).toMatchObject({ code: "redis_unavailable" });
});

test("a client with TLS and a Redis without TLS cannot connect, nor the other way round", async () => {
  const { port, trusted } = await tlsRedis();
  const plain = await startRedisServer();
  afterwards(() => plain.stop());
  const secured = { url: `rediss://127.0.0.1:${plain.port}`, tlsCaFile: trusted.caFile };
  const unsecured = { url: `redis://:${PASSWORD}@127.0.0.1:${port}` };
  for (const error of await Promise.all([secured, unsecured].map(refusalOf)))
    expect(error).toMatchObject({ code: "redis_unavailable" });
});

test("connections to Sentinels and to their master use TLS", async () => {
  const { home, port: master, trusted, tls } = await tlsRedis();
  const port = await freePort();
  const config = join(home, "sentinel.conf");
  const lines = [
    ...[
      "port 0",
      `tls-port ${port}`,
      "bind 127.0.0.1",
      `dir ${home}`,
      "tls-auth-clients no",
      "tls-replication yes",
    ],
    ...[`sentinel monitor main 127.0.0.1 ${master} 1`, `sentinel auth-pass main ${PASSWORD}`],
  ];
  for (let i = 0; i < tls.length; i += 2) lines.push(`${tls[i]?.slice(2)} ${tls[i + 1]}`);
  writeFileSync(config, lines.join("\n"));
  serve(["redis-server", config, "--sentinel"]);
  const redis = {
    sentinels: [{ host: "127.0.0.1", port }],
    sentinelName: "main",
    password: PASSWORD,
    tlsCaFile: trusted.caFile,
  };
  const client = new Holdfast({ redis });
  afterwards(() => client.close());
  expect((await client.check(10_000)).redisVersion).toMatch(/^\d/);
  expect((await refusalOf({ ...redis, tlsCaFile: authority(home, "other").caFile })).code).toBe(
    "redis_unavailable",
  );
});

test("a CA that cannot be read, or half a client certificate, is refused at once", () => {
  const missing = join(folder(), "none.crt");
  expect(() => new Holdfast({ redis: { host: "127.0.0.1", tlsCaFile: missing } })).toThrow(
    expect.objectContaining({ code: "invalid_argument", message: expect.stringContaining(missing) }),
  );
  writeFileSync(missing, "");
  expect(() => new Holdfast({ redis: { host: "127.0.0.1", tlsCertFile: missing } })).toThrow(
    /tlsKeyFile belong together/,
  );
});
