import { isContainer, type JsonNode, jsonTree, pathOf } from "./json-tree.ts";

/** A value that differs between two JSON texts. */
export interface JsonChange {
  path: string;
  /** The exact text before; null if the value is new. */
  from: string | null;
  /** The exact text after; null if the value was removed. */
  to: string | null;
}

/**
 * Lists the values that differ, by their paths. White space and the order of members do not count. Numbers are compared
 * as text, because `1` and `1.0`, or two large integers, can differ for a handler. Returns null if one of the texts is
 * not JSON.
 */
export function jsonChanges(before: string, after: string, root: string): JsonChange[] | null {
  const [old, next] = [jsonTree(before), jsonTree(after)];
  if (old === null || next === null) return null;
  const changes: JsonChange[] = [];
  const oldText = plainTexts(before);
  const nextText = plainTexts(after);
  const removed = (node: JsonNode) =>
    changes.push({ path: pathOf(node, root), from: oldText(node), to: null });
  const added = (node: JsonNode) =>
    changes.push({ path: pathOf(node, root), from: null, to: nextText(node) });
  const compare = (a: JsonNode, b: JsonNode): void => {
    if (oldText(a) === nextText(b)) return;
    if (a.kind === "object" && b.kind === "object" && !hasTwins(a) && !hasTwins(b)) {
      const names = new Map(b.children.map((child) => [child.name, child]));
      for (const child of a.children) {
        const other = names.get(child.name);
        if (other === undefined) removed(child);
        else compare(child, other);
        names.delete(child.name);
      }
      for (const child of names.values()) added(child);
    } else if (a.kind === "array" && b.kind === "array") compareItems(a.children, b.children);
    else changes.push({ path: pathOf(b, root), from: oldText(a), to: nextText(b) });
  };
  /** Equal items at the start and at the end are skipped, so that an inserted item counts as one change. */
  const compareItems = (a: readonly JsonNode[], b: readonly JsonNode[]): void => {
    let [start, endOld, endNew] = [0, a.length, b.length];
    const same = (x: number, y: number) => oldText(a[x] as JsonNode) === nextText(b[y] as JsonNode);
    while (start < endOld && start < endNew && same(start, start)) start += 1;
    while (endOld > start && endNew > start && same(endOld - 1, endNew - 1)) {
      endOld -= 1;
      endNew -= 1;
    }
    for (let at = start; at < Math.max(endOld, endNew); at++) {
      if (at >= endOld) added(b[at] as JsonNode);
      else if (at >= endNew) removed(a[at] as JsonNode);
      else compare(a[at] as JsonNode, b[at] as JsonNode);
    }
  };
  compare(old, next);
  return changes;
}

/** Whether two members have the same name. Then a name does not tell which member is meant. */
const hasTwins = ({ children }: JsonNode): boolean =>
  new Set(children.map(({ name }) => name)).size < children.length;

/** Returns a function that writes a value without white space between its parts. The text of each value is cached. */
function plainTexts(text: string): (node: JsonNode) => string {
  const known = new Map<JsonNode, string>();
  const write = (node: JsonNode): string => {
    let plain = known.get(node);
    if (plain === undefined) {
      plain = isContainer(node) ? inside(node) : text.slice(node.start, node.end);
      known.set(node, plain);
    }
    return plain;
  };
  const inside = ({ kind, children }: JsonNode): string =>
    kind === "array"
      ? `[${children.map(write).join(",")}]`
      : `{${children.map((child) => `${JSON.stringify(child.name)}:${write(child)}`).join(",")}}`;
  return write;
}
