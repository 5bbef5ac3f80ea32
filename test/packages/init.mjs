import { freePort } from "../chaos/harness/ports.mjs";
import { expectSame } from "./expect-same.mjs";
import { startDev, Terminal } from "./terminal.mjs";

/** Writes the project of `holdfast init`, and follows its README, but with tarballs instead of a registry. */
export async function checkInit(tools) {
  tools.folder("init", { private: true });
  await tools.npm("init", tools.tarball("holdfast-cli"));
  await tools.run("init", "npx", ["holdfast", "init", "mail-worker"]);
  const project = "init/mail-worker";
  await tools.npm(project, tools.tarball("holdfast"), tools.tarball("holdfast-cli"));
  // The test command first compiles the project with `strict` and without `skipLibCheck`, and then runs its tests.
  const tested = (await tools.run(project, "npm", ["test"])).stdout;
  expectSame(
    [/^# pass (\d+)/m, /^# fail (\d+)/m].map((line) => line.exec(tested)?.[1]),
    ["2", "0"],
    "npm test",
  );

  const redisPort = String(await freePort());
  const env = tools.env({ REDIS_PORT: redisPort, REDIS_URL: "" });
  const dev = await startDev(tools.path(project), env);
  const own = { REDIS_URL: `redis://${dev.redis}` };
  const worker = new Terminal(tools.path(project), "npm", ["run", "worker"], tools.env(own));
  try {
    await worker.says("The worker takes tasks");
    const { stdout } = await tools.run(project, "npm", ["run", "send", "--", "grace@example.com"], own);
    const told = /^Task (\S+) is (.*)$/m.exec(stdout);
    expectSame(told?.[2], 'completed: {"sentTo":"grace@example.com"}', "npm run send");
    const seen = await fetch(`${dev.dashboard}/v1/queues/emails/tasks/${told[1]}`);
    expectSame((await seen.json()).state, "completed", "the state in the dashboard");
    await worker.interrupt();
    await dev.terminal.interrupt();
  } finally {
    await worker.kill();
    await dev.terminal.kill();
  }
}
