/** A value in a JSON text, with its position, so that its exact characters can be shown. */
export interface JsonNode {
  kind: "object" | "array" | "string" | "number" | "word";
  /** The name of the member, decoded; null for an item of an array and for the whole text. */
  name: string | null;
  /** The index among the values of its parent. */
  place: number;
  parent: JsonNode | null;
  depth: number;
  /** The value is `text.slice(start, end)`. */
  start: number;
  end: number;
  /** The values inside, in their order; empty for a scalar. */
  children: JsonNode[];
}

const KINDS: Record<string, JsonNode["kind"]> = { "{": "object", "[": "array", '"': "string" };
const WORDS = /[tfn]/;
const SPACE = /\s/;
/** Matches the characters that end a number, `true`, `false` or `null`. */
const AFTER_SCALAR = /[\s,\]}]/;

/**
 * Reads a JSON text into a tree that keeps the place of each value. No value is decoded, so a large integer keeps its
 * digits. Returns null if the text is not JSON.
 */
export function jsonTree(text: string): JsonNode | null {
  try {
    JSON.parse(text);
  } catch {
    return null;
  }
  let root: JsonNode | null = null;
  let open: JsonNode | null = null;
  let name: string | null = null;
  let index = 0;
  while (index < text.length) {
    const character = text[index] as string;
    if (SPACE.test(character) || character === "," || character === ":") {
      index += 1;
      continue;
    }
    if (character === "}" || character === "]") {
      index += 1;
      if (open === null) continue;
      open.end = index;
      open = open.parent;
      continue;
    }
    const end = endOfToken(text, index);
    if (character === '"' && open?.kind === "object" && name === null) {
      name = JSON.parse(text.slice(index, end)) as string;
      index = end;
      continue;
    }
    const kind = KINDS[character] ?? (WORDS.test(character) ? "word" : "number");
    const node: JsonNode = {
      kind,
      name,
      place: open?.children.length ?? 0,
      parent: open,
      depth: open === null ? 0 : open.depth + 1,
      start: index,
      end,
      children: [],
    };
    name = null;
    root ??= node;
    open?.children.push(node);
    if (kind === "object" || kind === "array") open = node;
    index = end;
  }
  return root;
}

function endOfToken(text: string, start: number): number {
  const first = text[start];
  if (first === "{" || first === "[") return start + 1;
  let index = start + 1;
  if (first === '"') {
    while (text[index] !== '"') index += text[index] === "\\" ? 2 : 1;
    return index + 1;
  }
  while (index < text.length && !AFTER_SCALAR.test(text[index] as string)) index += 1;
  return index;
}

export const isContainer = ({ kind }: JsonNode): boolean => kind === "object" || kind === "array";

const NAME = /^[A-Za-z_$][\w$-]*$/;

/** Returns the path of a value, such as `payload.items[3]["a b"]`. */
export function pathOf(node: JsonNode, root: string): string {
  const parts: string[] = [];
  for (let at = node; at.parent !== null; at = at.parent)
    parts.push(
      at.name === null
        ? `[${at.place}]`
        : NAME.test(at.name)
          ? `.${at.name}`
          : `[${JSON.stringify(at.name)}]`,
    );
  return root + parts.reverse().join("");
}

/** Lists the visible values in their order. The values inside a closed value are not visible. */
export function visibleNodes(root: JsonNode, isOpen: (node: JsonNode) => boolean): JsonNode[] {
  const rows: JsonNode[] = [];
  const next: JsonNode[] = [root];
  for (let node = next.pop(); node !== undefined; node = next.pop()) {
    rows.push(node);
    if (isOpen(node))
      for (let at = node.children.length - 1; at >= 0; at--) next.push(node.children[at] as JsonNode);
  }
  return rows;
}

/** Chooses the values that are open at first: level by level, as long as at most about `most` rows result. */
export function openAtFirst(root: JsonNode, most: number): Set<JsonNode> {
  const open = new Set<JsonNode>();
  if (!isContainer(root)) return open;
  let rows = 1;
  const queue = [root];
  for (let node = queue.shift(); node !== undefined; node = queue.shift()) {
    // The root is always open. If it were closed, the tree would be one row that shows nothing.
    if (node !== root && rows + node.children.length > most) continue;
    open.add(node);
    rows += node.children.length;
    for (const child of node.children) if (child.children.length > 0) queue.push(child);
    if (rows > most) break;
  }
  return open;
}
