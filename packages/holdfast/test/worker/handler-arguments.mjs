// Handlers that describe their arguments. The test and its child processes load this file.
const described = (object) => ({
  isPlain: Object.getPrototypeOf(object) === Object.prototype,
  keys: Reflect.ownKeys(object).map(String),
  kinds: Object.fromEntries(
    Object.entries(Object.getOwnPropertyDescriptors(object)).map(
      ([key, { get, enumerable, configurable }]) => [
        key,
        [get ? "getter" : "value", typeof object[key], enumerable, configurable],
      ],
    ),
  ),
});

export const handlers = {
  shape: (task, ctx) => ({ task: described(task), ctx: described(ctx) }),
  destructured: async (
    { id, payload, payloadText, tags },
    { progress, log, signal, attempt, token, traceId, traceparent },
  ) => {
    await progress({ done: 1 });
    await log("a line");
    return [
      typeof id,
      payload,
      payloadText,
      tags,
      signal.aborted,
      attempt,
      typeof token,
      traceId,
      traceparent,
    ];
  },
  spread: async (task, ctx) => {
    const copy = { ...ctx };
    await copy.progress({ done: 2 });
    await copy.log("a line");
    return [{ ...task }.payload, Object.keys({ ...task }), Object.keys(copy), copy.signal.aborted];
  },
  cloned: (task) =>
    [structuredClone(task), JSON.parse(JSON.stringify(task))].map((copy) => [
      Object.keys(copy),
      copy.payload,
    ]),
  inherited: (task, ctx) => [Object.create(task).payload, Object.create(ctx).signal.aborted],
  // A handler owns its arguments, so its changes to them must not affect other code.
  changed: (task, ctx) => {
    task.tags.push("mine");
    task.payload.a = 2;
    task.id = "another";
    ctx.token = "another";
    delete task.type;
    return [task.tags, task.payload];
  },
  refused: (task, ctx) => {
    const refusals = [];
    for (const [object, key] of [
      [task, "payload"],
      [ctx, "signal"],
    ]) {
      try {
        object[key] = null;
      } catch (error) {
        refusals.push(error.name);
      }
    }
    return refusals;
  },
  twice: (task, ctx) => {
    const first = [task.payload, ctx.signal];
    return [task.payload === first[0], ctx.signal === first[1]];
  },
};
