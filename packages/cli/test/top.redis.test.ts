import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { type RedisServer, startRedisServer, until } from "@holdfast/testing";
import { Holdfast, Queue } from "holdfast";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { bin, start } from "./support.ts";

// The program `script` gives the command a terminal. Only the `script` of util-linux accepts a command after `-c`.
const hasScript = /util-linux/.test(spawnSync("script", ["--version"]).stdout?.toString() ?? "");
const ENTER = "\u001b[?1049h";
const LEAVE = "\u001b[?25h\u001b[?1049l";

let redis: RedisServer;
let client: Holdfast;
let child: ChildProcess | undefined;

beforeAll(async () => {
  redis = await startRedisServer();
  client = new Holdfast({ redis: redis.url });
});

afterEach(() => {
  child?.kill("SIGKILL");
  child = undefined;
});

afterAll(async () => {
  await client?.close();
  await redis?.stop();
});

/** Runs a shell command in a real terminal with 100 columns and 24 rows. The test can read its output and send keys. */
function inTerminal(command: string) {
  const line = `stty rows 24 cols 100; ${command}; echo "ended with $?"; stty -a`;
  const running = spawn("script", ["-qfec", line, "/dev/null"], {
    env: { PATH: process.env.PATH ?? "", TERM: "xterm", REDIS_URL: redis.url, SHELL: "/bin/sh" },
  });
  child = running;
  let text = "";
  running.stdout.on("data", (chunk) => {
    text += String(chunk);
  });
  return {
    text: () => text,
    /** The output since the screen was last drawn from its top. */
    screen: () => text.slice(text.lastIndexOf("\u001b[H")),
    press: (keys: string) => running.stdin.write(keys),
    ended: new Promise<void>((done) => running.once("close", () => done())),
  };
}

test.skipIf(!hasScript)("top redraws the screen, and q restores the terminal", async () => {
  const queue = new Queue("live", { client });
  await queue.enqueue("ok", null);
  const terminal = inTerminal(`${process.execPath} ${bin} top --interval 200ms`);
  await until("the screen is drawn", () => /live +running +1 /.test(terminal.screen()), 20_000);
  expect(terminal.text()).toContain(ENTER);
  expect(terminal.screen()).toContain(`holdfast top  127.0.0.1:${redis.port}`);
  await Promise.all(Array.from({ length: 41 }, () => queue.enqueue("ok", null)));
  await until("the new count is drawn", () => /live +running +42 /.test(terminal.screen()), 20_000);
  for (const line of terminal.screen().split("\r\n")) expect(line.length).toBeLessThan(120);

  terminal.press("xq");
  await terminal.ended;
  const after = terminal.text().slice(terminal.text().lastIndexOf(LEAVE));
  expect(after.startsWith(LEAVE)).toBe(true);
  expect(after).toContain("ended with 0");
  expect(after).toMatch(/[\s;]icanon/);
  expect(after).toMatch(/[\s;]echo[\s;]/);
});

test.skipIf(!hasScript)("Ctrl-C and SIGTERM restore the terminal too", async () => {
  const byKey = inTerminal(`${process.execPath} ${bin} top`);
  await until("the screen is drawn", () => byKey.screen().includes("q quits"), 20_000);
  byKey.press("\u0003");
  await byKey.ended;
  expect(byKey.text()).toContain(LEAVE);
  expect(byKey.text()).toMatch(/[\s;]icanon/);

  const bySignal = inTerminal(`sh -c 'echo "pid $$"; exec ${process.execPath} ${bin} top'`);
  await until("the screen is drawn", () => bySignal.screen().includes("q quits"), 20_000);
  process.kill(Number(/pid (\d+)/.exec(bySignal.text())?.[1]), "SIGTERM");
  await bySignal.ended;
  expect(bySignal.text()).toContain(LEAVE);
  expect(bySignal.text()).toContain("ended with 0");
  expect(bySignal.text()).toMatch(/[\s;]icanon/);
});

test.skipIf(!hasScript)("if Redis stops and comes back, top says so and continues", async () => {
  const own = await startRedisServer();
  try {
    const terminal = inTerminal(`${process.execPath} ${bin} --redis ${own.url} top --interval 200ms`);
    await until("the screen is drawn", () => terminal.screen().includes("q quits"), 20_000);
    await own.kill();
    await until("the screen shows the error", () => terminal.screen().includes("\r\n! "), 20_000);
    await own.start();
    await until(
      "the screen shows the counts again",
      () => /q quits/.test(terminal.screen()) && !terminal.screen().includes("\r\n! "),
      20_000,
    );
    terminal.press("q");
    await terminal.ended;
    expect(terminal.text()).toContain("ended with 0");
  } finally {
    await own.stop();
  }
});

test("without a terminal, top prints lines, or with --json one object per update", async () => {
  await new Queue("plain", { client }).enqueue("ok", null);
  const options = ["top", "--count", "2", "--interval", "100ms"];
  const plain = await start(options, { REDIS_URL: redis.url }).ended;
  expect(plain.code).toBe(0);
  const own = plain.stdout.split("\n").filter((line) => line.includes("queue=plain "));
  expect(own).toHaveLength(2);
  expect(own[0]).toMatch(/^\d{4}-\S+Z queue=plain state=running pending=1 /);
  expect(own[1]).toMatch(/ in\/s=0\.0 done\/s=0\.0 failed\/s=0\.0$/);
  expect(plain.stdout).not.toContain("\u001b");

  const looks = (await start([...options, "--json"], { REDIS_URL: redis.url }).ended).stdout
    .trim()
    .split("\n");
  expect(looks.map((line) => JSON.parse(line).where)).toEqual(Array(2).fill(`127.0.0.1:${redis.port}`));
});

test("SIGINT ends top with 0 when it prints lines", async () => {
  const running = start(["top", "--interval", "100ms"], { REDIS_URL: redis.url });
  await until("the command prints something", () => running.stdout() !== "");
  running.child.kill("SIGINT");
  expect((await running.ended).code).toBe(0);
});
