import { describe, expect, test } from "vitest";
import { HoldfastError } from "./errors.ts";
import { type FlowHead, FlowReader } from "./flow-json.ts";

/**
 * A reader that only checks the name of a node. It puts the JSON pointer of the node before the message of an error.
 */
const reader = new FlowReader(
  {
    head: (fields) => fields as FlowHead,
    node({ fields: { type, name, after, onDead, ...options } }) {
      if (typeof name !== "string") throw new HoldfastError("invalid_argument", "no name");
      return { type: String(type), options: { name, after, onDead, options } as never };
    },
    callback: ({ fields: { type, ...options } }) => ({ type: String(type), options: { options } }),
  },
  (error, place) => new HoldfastError(error.code, `${place}: ${error.message}`),
);
const whole = (text: string) => reader.whole(Buffer.from(text));
const list = (text: string) => reader.list(Buffer.from(text));

describe("a whole flow", () => {
  test("is read with its options, its callbacks and its nodes, and payloads stay as they were written", () => {
    const text = `\ufeff { "id": "f", "on": { "done": {"type":"d","payload":{"n":12345678901234567890},"tags":["x"]} },
      "nodes": [ {"name":"a","type":"t","payload": "é" }, {"type":"t","payload":1.0,"name":"b","after":["a"],"maxRetries":2} ] }`;
    expect(whole(text)).toEqual({
      head: {
        id: "f",
        on: { done: { type: "d", payloadText: '{"n":12345678901234567890}', options: { tags: ["x"] } } },
      },
      nodes: [
        { type: "t", payloadText: '"é"', name: "a", after: undefined, onDead: undefined, options: {} },
        {
          ...{ type: "t", payloadText: "1.0", name: "b", after: ["a"], onDead: undefined },
          options: { maxRetries: 2 },
        },
      ],
    });
  });

  test("may have no nodes, and an open one may leave them out", () => {
    expect(whole('{"nodes":[ ]}').nodes).toEqual([]);
    expect(whole('{"open":true}')).toEqual({ head: { open: true }, nodes: [] });
  });

  test.each([
    ["[]", 'a flow must be a JSON object: {"nodes":[…]}'],
    ["{}", 'the flow has no "nodes"'],
    ['{"nodes":{}}', "the nodes must be an array"],
    ['{"nodes":[],"nodes":[]}', 'the field "nodes" occurs twice'],
    ['{"nodes":[],"on":[]}', "on must be an object of callbacks"],
    [
      '{"nodes":[],"on":{"died":{}}}',
      'on has the unknown moment "died": it takes dead, cancelled, success, done',
    ],
    ['{"nodes":[{"name":"a","type":"t","payload":1},{"type":"t","payload":1}]}', "/nodes/1: "],
    ['{"nodes":[{"type":"t","payload":1,"x":1}]}', "/nodes/0: no name"],
    ['{"nodes":[7]}', "/nodes/0: a task must be a JSON object"],
    ['{"nodes":[],"on":{"done":7}}', "/on/done: a task must be a JSON object"],
    ['{"nodes":[],"on":{"done":{"type":"t","type":"u","payload":1}}}', '/on/done: the field "type" occurs'],
    ['{"nodes":[]} x', "expected the end"],
    [`{"nodes":[${"1,".repeat(1_000)}1]}`, "more than 1000 elements: send more as lines of NDJSON"],
  ])("%s is refused", (text, message) => {
    expect(() => whole(text)).toThrow(message);
  });

  test("a payload may nest as deep as that of a task, and no deeper", () => {
    const nested = (depth: number) =>
      `{"nodes":[{"name":"a","type":"t","payload":${"[".repeat(depth)}${"]".repeat(depth)}}]}`;
    expect(whole(nested(64)).nodes).toHaveLength(1);
    expect(() => whole(nested(65))).toThrow("nests deeper");
  });
});

describe("nodes alone", () => {
  test("are an array, which may be empty", () => {
    expect(list("[]")).toEqual([]);
    expect(list('[{"name":"a","type":"t","payload":null}]')).toMatchObject([
      { name: "a", payloadText: "null" },
    ]);
    expect(() => list("{}")).toThrow("the nodes must be an array");
  });

  test("a wrong line is named by its number among all nodes", () => {
    const read = reader.nodes.lines(Buffer.from('{"name":"a","type":"t","payload":1}\n\n{oops\n'));
    expect(() => reader.nodesOf(read, 40)).toThrow("/nodes/41: not valid JSON");
  });

  test("the first line of a stream has no nodes", () => {
    expect(reader.head(Buffer.from('{"id":"f"}'))).toEqual({ id: "f" });
    expect(() => reader.head(Buffer.from('{"nodes":[]}'))).toThrow("each node is a line of its own");
  });
});
