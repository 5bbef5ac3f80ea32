import { expect, test } from "vitest";
import { placeFunctions } from "./functions.mjs";
import { print } from "./print.mjs";
import { parse } from "./tree.mjs";

/** Returns the lines of a script after `placeFunctions`. */
function placed(text) {
  const tree = parse(text);
  placeFunctions(tree);
  return print(tree).trimEnd().split("\n");
}

const untouched = (text) => text.split("\n").map((line) => line.trim());

test("a function that returns an expression is put in place of its calls", () => {
  expect(
    placed(`local function key(name, at)
      return name .. ':' .. at
    end
    return key(ARGV[1], 2), #key(ARGV[2], 3)`),
  ).toEqual(["return ARGV[1] .. ':' .. 2, #(ARGV[2] .. ':' .. 3)"]);
});

test("an argument with several values gives one to an expression", () => {
  expect(
    placed(`local function same(text)
      return text
    end
    return f(same(string.match(ARGV[1], '(a)(b)')))`),
  ).toEqual(["return f((string.match(ARGV[1], '(a)(b)')))"]);
});

test("parentheses around a call stay, because they leave only its first value", () => {
  const text =
    "local function f(a)\nreturn (string.find(a, 'x'))\nend\nreturn { f = f, g = (string.find(ARGV[1], 'x')) }";
  expect(placed(text)).toEqual(untouched(text));
});

test("an argument that has an effect is computed once, before the function", () => {
  expect(
    placed(`local function twice(n)
      return n + n
    end
    local sum = twice(redis.call('INCR', KEYS[1]))
    return sum`),
  ).toEqual(["local sum", "do", "local n = redis.call('INCR', KEYS[1])", "sum = n + n", "end", "return sum"]);
});

test("what follows an early return gets into the else", () => {
  expect(
    placed(`local function read(raw)
      if not raw then
        return nil
      elseif raw == '' then
        return 0, 1
      end
      local a = raw + 1
      return a
    end
    local x, y = read(redis.call('GET', KEYS[1]))
    return x, y`),
  ).toEqual([
    ...["local x, y", "do", "local raw = redis.call('GET', KEYS[1])"],
    ...["if not raw then", "x, y = nil", "elseif raw == '' then", "x, y = 0, 1"],
    ...["else", "local a = raw + 1", "x, y = a", "end", "end", "return x, y"],
  ]);
});

test("a call without a result leaves no empty branch", () => {
  expect(
    placed(`local function wake(is)
      if not is then
        return
      end
      redis.call('DEL', KEYS[1])
    end
    wake(ARGV[1] == '1')`),
  ).toEqual([
    ...["do", "local is = ARGV[1] == '1'", "if not not is then", "redis.call('DEL', KEYS[1])", "end", "end"],
  ]);
});

test("a return in a last loop ends the loop", () => {
  expect(
    placed(`local function first(list)
      for i = 1, #list do
        if list[i] ~= '' then
          return i
        end
      end
    end
    local at = first(ARGV)
    return at`),
  ).toEqual([
    ...["local at", "do", "local list = ARGV", "for i = 1, #list do", "if list[i] ~= '' then"],
    ...["at = i", "break", "end", "end", "end", "return at"],
  ]);
});

test.each([
  ["returns in a loop inside a loop", "for a = 1, 2 do\nfor b = 1, 2 do\nreturn b\nend\nend"],
  ["returns in a loop that is not its end", "for a = 1, 2 do\nreturn a\nend\nredis.call('PING')"],
  ["calls itself", "return f(x)"],
])("a function that %s stays", (_, body) => {
  const text = `local function f(x)\n${body}\nend\nlocal y = f(ARGV[1] + 1)\nreturn y`;
  expect(placed(text)).toEqual(untouched(text));
});

test("a function that is also used as a value stays", () => {
  const text = "local function f(a)\nreturn a\nend\nreturn f(ARGV[1]), { f = f }";
  expect(placed(text)).toEqual(untouched(text));
});

test("the first call of a condition gets a statement of its own", () => {
  expect(
    placed(`local function isAll(list)
      local n = #list
      return n == 1
    end
    if not isAll(ARGV) then
      return 1
    end`),
  ).toEqual([
    ...["local isAll", "do", "local list = ARGV", "local n = #list", "isAll = n == 1", "end"],
    ...["if not isAll then", "return 1", "end"],
  ]);
});

test("a variable that would hide another one gets a number", () => {
  expect(
    placed(`local count = 1
    local function add(by)
      count = count + by
    end
    for at = 1, 3 do
      local count = #ARGV * at
      add(count)
    end
    return count`),
  ).toEqual([
    ...[
      "local count = 1",
      "for at = 1, 3 do",
      "local count_2 = #ARGV * at",
      "do",
      "count = count + count_2",
      "end",
      "end",
    ],
    "return count",
  ]);
});

test("a function with several long calls moves into the only branch that calls it", () => {
  const body = Array.from({ length: 20 }, (_, i) => `redis.call('SET', KEYS[1], a + ${i})`).join("\n");
  expect(
    placed(`local limit = tonumber(ARGV[1])
    local function write(a)
      ${body}
    end
    if ARGV[2] then
      redis.call('PING')
      write(limit)
      write(2)
    end`),
  ).toEqual([
    ...["if ARGV[2] then", "redis.call('PING')", "local function write(a)", ...body.split("\n"), "end"],
    ...["local limit = tonumber(ARGV[1])", "write(limit)", "write(2)", "end"],
  ]);
});

test("a function is not moved into a loop", () => {
  const text = "local function f(a)\nreturn a, { f }\nend\nfor i = 1, 2 do\nif i then\nf(i)\nend\nend";
  expect(placed(text)).toEqual(untouched(text));
});
