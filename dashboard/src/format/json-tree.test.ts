import { describe, expect, it } from "vitest";
import { isContainer, type JsonNode, jsonTree, openAtFirst, pathOf, visibleNodes } from "./json-tree.ts";

const shown = (text: string, isOpen: (node: JsonNode) => boolean = () => true) => {
  const root = jsonTree(text);
  if (root === null) return null;
  return visibleNodes(root, isOpen).map(
    (node) => `${pathOf(node, "p")} ${isContainer(node) ? node.kind : text.slice(node.start, node.end)}`,
  );
};

describe("the tree of a JSON text", () => {
  it("keeps the exact characters of every scalar", () => {
    expect(
      shown('{ "n": 12345678901234567890, "f":1.10,"e":-1E+2 , "s": "\\u00e4\\"]}", "t":[true,null] }'),
    ).toEqual([
      "p object",
      "p.n 12345678901234567890",
      "p.f 1.10",
      "p.e -1E+2",
      'p.s "\\u00e4\\"]}"',
      "p.t array",
      "p.t[0] true",
      "p.t[1] null",
    ]);
  });

  it("knows where each container ends", () => {
    const text = ' [ {"a":[ ]} , {} ] ';
    const root = jsonTree(text);
    const parts = visibleNodes(root as JsonNode, () => true).map(({ start, end }) => text.slice(start, end));
    expect(parts).toEqual(['[ {"a":[ ]} , {} ]', '{"a":[ ]}', "[ ]", "{}"]);
  });

  it("keeps members with the same name, and quotes a name that is not a word", () => {
    expect(shown('{"a":1,"a":2,"a b":{"\\u0061":3}}')).toEqual([
      "p object",
      "p.a 1",
      "p.a 2",
      'p["a b"] object',
      'p["a b"].a 3',
    ]);
  });

  it("is one row for a scalar, and none for a text that is not JSON", () => {
    expect(shown('"a"')).toEqual(['p "a"']);
    expect(shown("-0")).toEqual(["p -0"]);
    expect(shown('{"a":1')).toBeNull();
    expect(shown("")).toBeNull();
  });

  it("leaves out what is inside of a closed value", () => {
    expect(shown('{"a":[1,2],"b":[3]}', ({ name }) => name !== "a")).toEqual([
      "p object",
      "p.a array",
      "p.b array",
      "p.b[0] 3",
    ]);
  });

  it("opens level by level, and always the first one", () => {
    const many = `[${Array.from({ length: 100 }, (_, n) => `{"n":${n}}`).join(",")}]`;
    const root = jsonTree(many) as JsonNode;
    expect(openAtFirst(root, 50)).toEqual(new Set([root]));
    const small = jsonTree('{"a":{"b":{"c":1}},"d":[1,2,3,4,5,6]}') as JsonNode;
    const names = [...openAtFirst(small, 6)].map((node) => pathOf(node, "p"));
    expect(names).toEqual(["p", "p.a", "p.a.b"]);
    expect(openAtFirst(jsonTree("1") as JsonNode, 6).size).toBe(0);
  });

  it("reads a large text", () => {
    const text = JSON.stringify(
      Array.from({ length: 10_000 }, (_, n) => ({ id: n, text: "x".repeat(80), tags: ["a", "b"] })),
    );
    expect(text.length).toBeGreaterThan(1_000_000);
    expect(shown(text)).toHaveLength(1 + 10_000 * 6);
  });
});
