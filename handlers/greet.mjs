// With HANDLERS=./handlers: curl -H 'content-type: application/json' \
//   -d '{"type":"greet","payload":{"name":"Ada"}}' http://localhost:3000/v1/queues/default/tasks
export const handlers = {
  /** The returned value becomes the result of the task. If the handler throws, the task is retried. */
  greet: async (task, { attempt }) => {
    const { name } = task.payload;
    if (typeof name !== "string") throw new TypeError(`name is ${typeof name}, not a string`);
    return { greeting: `Hello, ${name}!`, attempt };
  },
};
