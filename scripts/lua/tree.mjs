// Reads Lua 5.1 into a syntax tree in which all uses of a local variable share one object.
import luaparse from "luaparse";

/**
 * Parses a script. Each identifier that names a local variable gets the field `local`, an object that all uses of the
 * variable share: its name, and whether a statement assigns to it after its declaration. Others name a global.
 */
export function parse(text) {
  const calls = [];
  const tree = luaparse.parse(text, {
    luaVersion: "5.1",
    comments: false,
    ranges: true,
    encodingMode: "pseudo-latin1",
    onCreateNode: (node) => node.type === "CallExpression" && calls.push(node),
  });
  // The parser forgets parentheses. Those around a call matter, because they leave only its first value.
  for (const call of calls)
    call.inParens = text[call.range[1]] === ")" && OPENS_GROUP.test(before(text, call));
  resolve(tree.body, new Map());
  return tree;
}

// A parenthesis that begins no arguments of a call.
const OPENS_GROUP = /(?:[^\w\s)\]'"]|\b(?:return|and|or|not|in|if|elseif|while|until))\s*\($/;
const before = (text, { range: [start] }) => text.slice(Math.max(0, start - 100), start);
const isNode = (value) => value?.type !== undefined;

/** Returns the nodes directly below a node. The names of fields and methods are left out: they are not variables. */
export function childrenOf(node) {
  const children = [];
  for (const name in node) {
    const value = node[name];
    if (typeof value !== "object" || value === null) continue;
    if (name === "identifier" && node.type === "MemberExpression") continue;
    if (name === "key" && node.type === "TableKeyString") continue;
    if (Array.isArray(value)) {
      for (const part of value) if (isNode(part)) children.push(part);
    } else if (isNode(value)) children.push(value);
  }
  return children;
}

/** Calls `visit` for a node and every node below it. If it returns false, the nodes below are left out. */
export function walk(node, visit) {
  if (visit(node) === false) return;
  for (const child of childrenOf(node)) walk(child, visit);
}

/** Returns whether a test holds for the node or one below it. Functions inside are searched too, if `inside` is set. */
export function some(node, test, inside = true) {
  if (test(node)) return true;
  if (!inside && node.type === "FunctionDeclaration") return false;
  return childrenOf(node).some((child) => some(child, test, inside));
}

/** Makes a node another one, in its place. */
export function become(node, other) {
  for (const name of Object.keys(node)) delete node[name];
  Object.assign(node, other);
}

function declare(identifier, scope) {
  identifier.local = { name: identifier.name, assigned: false };
  scope.set(identifier.name, identifier.local);
}

function resolve(body, outer) {
  const scope = new Map(outer);
  for (const statement of body) resolveStatement(statement, scope);
  return scope;
}

function resolveStatement(node, scope) {
  const use = (part) => resolveExpression(part, scope);
  switch (node.type) {
    case "LocalStatement":
      node.init.forEach(use);
      for (const variable of node.variables) declare(variable, scope);
      return;
    case "FunctionDeclaration":
      if (node.isLocal) declare(node.identifier, scope);
      else use(node.identifier);
      resolveFunction(node, scope);
      return;
    case "AssignmentStatement":
      for (const part of [...node.init, ...node.variables]) use(part);
      for (const { local } of node.variables) if (local) local.assigned = true;
      return;
    case "ForNumericStatement":
    case "ForGenericStatement": {
      const inside = new Map(scope);
      for (const part of [node.start, node.end, node.step, ...(node.iterators ?? [])]) if (part) use(part);
      for (const variable of node.variables ?? [node.variable]) declare(variable, inside);
      resolve(node.body, inside);
      return;
    }
    case "RepeatStatement":
      resolveExpression(node.condition, resolve(node.body, scope));
      return;
    case "IfStatement":
      for (const { condition, body } of node.clauses) {
        if (condition) use(condition);
        resolve(body, scope);
      }
      return;
    case "WhileStatement":
      use(node.condition);
      resolve(node.body, scope);
      return;
    case "DoStatement":
      resolve(node.body, scope);
      return;
    default:
      childrenOf(node).forEach(use);
  }
}

function resolveFunction(node, scope) {
  const inside = new Map(scope);
  for (const parameter of node.parameters) if (parameter.type === "Identifier") declare(parameter, inside);
  resolve(node.body, inside);
}

function resolveExpression(node, scope) {
  if (node.type === "FunctionDeclaration") resolveFunction(node, scope);
  else if (node.type === "Identifier") node.local = scope.get(node.name);
  else for (const child of childrenOf(node)) resolveExpression(child, scope);
}
