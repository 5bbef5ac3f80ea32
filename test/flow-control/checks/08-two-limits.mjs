import { Engine } from "../../../packages/holdfast/dist/engine/engine.js";
import { encodeEnvelope } from "../../../packages/holdfast/dist/engine/envelope.js";
import { setLimits } from "../../../packages/holdfast/dist/engine/limits.js";
import { Hands } from "../harness/hands.mjs";
import { LimitModel } from "../harness/limit-model.mjs";

const QUEUES = 100;
const ROUNDS = 300;
const KEYS = ["a", "b", "c"];

export const number = 8;
export const name = "two-limits";
export const check = "each task has a limit of the queue and a limit of its key, compared with a model";
export const expected =
  "at least 50,000 decisions in 30,000 random calls (shortened from 1,000,000 trials): a task starts only if both limits allow it, each call grants what both allow, and both accounts change by exactly what was granted";

const random = (most) => 1 + Math.floor(Math.random() * most);
const randomLimit = () => ({
  ...(Math.random() < 0.6 ? { concurrency: random(4) } : {}),
  ...(Math.random() < 0.7 ? { rate: { limit: random(20), periodMs: 1_000, burst: random(4) } } : {}),
});

class Trial {
  decisions = 0;
  problem = null;
  #clock = { nowMs: 1_800_000_000_000 };
  #held = [];
  #ids = 0;

  constructor(connection, queue) {
    this.engine = new Engine(connection, queue, { clockMs: () => this.#clock.nowMs });
    this.hands = new Hands(this.engine);
    const limits = { queue: randomLimit(), key: randomLimit() };
    this.limits = limits;
    this.model = new LimitModel(limits);
  }

  async begin() {
    await this.engine.open();
    await setLimits(this.engine, this.limits);
  }

  async round() {
    this.#clock.nowMs += random(150);
    const tail = [];
    for (let count = random(3); count > 0; count--) {
      const task = { id: `t${++this.#ids}`, key: KEYS[random(3) - 1], cost: random(3) };
      const { key, cost } = task;
      tail.push(task.id, encodeEnvelope("t", this.#clock.nowMs, "1", { key, cost }));
      this.model.add(task);
    }
    await this.engine.enqueue({ checked: false, high: 0, normal: 0, low: 0, keyed: tail.length / 2, tail });
    // Some of the held tasks are settled. Most of these end, and the others are handed back as if they had not begun.
    const ended = this.#held.filter(() => Math.random() < 0.4);
    this.#held = this.#held.filter((grant) => !ended.includes(grant));
    const verdicts = ended.map((grant) => ({ ...grant, kind: Math.random() < 0.2 ? "unstarted" : "ack" }));
    // Tasks that are handed back keep their order. So they are put in front of the line of their key, the last one
    // first.
    for (const { id, kind } of verdicts.toReversed()) this.model.end(id, kind);
    if (verdicts.length > 0) await this.hands.settle(verdicts);
    const want = random(5);
    let granted = 0;
    // One call may not look at all keys. So the call is repeated as long as its reply says `again` or it grants
    // something.
    for (let goesOn = true; goesOn && granted < want; ) {
      const { grants, again } = await this.hands.ask(want - granted);
      goesOn = again || grants.length > 0;
      granted += grants.length;
      for (const { id } of grants) {
        this.decisions++;
        this.problem ??= this.model.start(id, this.#clock.nowMs);
      }
      this.#held.push(...grants);
    }
    if (granted < want) {
      const missed = this.model.startable(this.#clock.nowMs);
      this.decisions += this.model.waitingKeys().length;
      if (missed !== null) this.problem ??= `${missed} could have started, but was not granted`;
    }
    const fields = ["", ...KEYS];
    const texts = await this.engine.connection.command(
      "HMGET",
      this.engine.keys.state,
      ...fields.map((key) => `@${key}`),
    );
    fields.forEach((key, n) => {
      const [running = "0", , tat = "0"] = (texts[n] ?? "").split(" ");
      this.problem ??= this.model.compare(key, Number(running), Number(tat), this.#clock.nowMs);
    });
  }
}

export async function run(ctx) {
  const redis = await ctx.startRedis();
  const { client } = ctx.client(redis.url);
  const trials = Array.from({ length: QUEUES }, (_, n) => new Trial(client.connection, `trial-${n}`));
  await Promise.all(
    trials.map(async (trial) => {
      await trial.begin();
      for (let round = 0; round < ROUNDS && trial.problem === null; round++) await trial.round();
    }),
  );
  const decisions = trials.reduce((sum, trial) => sum + trial.decisions, 0);
  const wrong = trials.filter(({ problem }) => problem !== null);
  ctx.expect(
    wrong.length === 0,
    `${wrong.length} of ${QUEUES} queues differ from the model: ${wrong[0]?.problem} with ${JSON.stringify(wrong[0]?.limits)}`,
  );
  ctx.expect(decisions >= 50_000, `only ${decisions} decisions were compared`);
  return `${decisions} decisions in ${QUEUES * ROUNDS} calls match the model`;
}
