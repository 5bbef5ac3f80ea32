// Redis runs a script from its first line in each call, and makes each `local function` on the way anew. This moves the
// statements of functions to where they are called, and the functions that remain into the branches that need them.
import {
  asExpression,
  declaredBy,
  identifierOf,
  inPlace,
  isConstant,
  isFixed,
  isReplaceable,
  localStatement,
  usesOf,
} from "./in-place.mjs";
import { become, some, walk } from "./tree.mjs";

// A function with more than one call is put in place of each of them, if it has at most this many nodes.
const SMALL = 40;

/** Calls `visit` with every list of statements, from the outermost to the innermost. */
const eachBlock = (tree, visit) => walk(tree, ({ body }) => void (Array.isArray(body) && visit(body)));

const isCallOf = (node, local) => node.type === "CallExpression" && node.base.local === local;

/** Returns a call that is a whole statement, or gives all its values to one; null if there is none. */
function callIn(statement) {
  const values =
    statement.type === "CallStatement" ? [statement.expression] : (statement.init ?? statement.arguments);
  const isWhole = /^(Call|Local|Assignment|Return)Statement$/.test(statement.type) && values.length === 1;
  const call = isWhole && values[0].type === "CallExpression" && !values[0].inParens ? values[0] : null;
  const isPlain =
    statement.type !== "AssignmentStatement" ||
    statement.variables.every(({ type }) => type === "Identifier");
  return isPlain ? call : null;
}

/** Returns the part of an expression that is computed first, if it is a call of the function in parts that need one value. */
function firstCall(node, local) {
  if (isCallOf(node, local)) return node;
  const first = (nodes) => {
    const open = nodes.find((part) => !isFixed(part));
    return open && !(open === nodes.at(-1) && isCallOf(open, local)) ? firstCall(open, local) : null;
  };
  if (node.type === "UnaryExpression") return firstCall(node.argument, local);
  if (node.type === "LogicalExpression") return firstCall(node.left, local);
  if (node.type === "BinaryExpression") return firstCall(isFixed(node.left) ? node.right : node.left, local);
  if (node.type === "CallExpression" && !some(node.base, ({ type }) => /Call/.test(type)))
    return first(node.arguments);
  return null;
}

/** Returns the first expression that a statement computes. */
const firstExpression = ({ type, clauses, init, expression, arguments: values }) =>
  ({
    IfStatement: () => clauses[0].condition,
    LocalStatement: () => init[0],
    CallStatement: () => expression,
    ReturnStatement: () => values[0],
  })[type]?.();

/**
 * Moves a call out of its statement, into one before it: `if f(a) then` becomes `local f = f(a)` and `if f then`.
 * @returns all calls that are whole statements then
 */
function takeOut(local, tree) {
  const places = [];
  eachBlock(tree, (body) => {
    for (let at = 0; at < body.length; at++) {
      const expression = firstExpression(body[at]);
      const call = expression && firstCall(expression, local);
      if (call && call !== callIn(body[at])) {
        const result = { name: local.name, assigned: false };
        body.splice(at, 0, localStatement([result], [{ ...call }]));
        become(call, identifierOf(result));
      }
      const whole = callIn(body[at]);
      if (whole?.base.local === local) places.push({ body, statement: body[at], call: whole });
    }
  });
  return places;
}

function sizeOf(node) {
  let size = 0;
  walk(node, () => void size++);
  return size;
}

/**
 * Puts a function in place of its calls, if that is possible for all of them. `places` are its calls that are whole
 * statements. @returns whether it was
 */
function inline({ fn, uses, calls, places }, tree) {
  const { local } = fn.identifier;
  if (calls.length !== uses || fn.parameters.some(({ type }) => type !== "Identifier")) return false;
  if (uses > 1 && sizeOf(fn) > SMALL) return false;
  if (fn.body.some((statement) => usesOf(local, statement) > 0)) return false;
  const isStatement = places.some(({ statement }) => statement.type === "CallStatement");
  if (!isStatement && calls.every((call) => asExpression(fn, call))) {
    // The innermost call comes first, because it may be an argument of another one.
    for (const call of calls.reverse()) become(call, asExpression(fn, call));
    return true;
  }
  if (!isReplaceable(fn)) return false;
  const whole = places.length === uses ? places : takeOut(local, tree);
  const made = whole.map(({ statement, call }) => inPlace(fn, statement, call));
  if (whole.length !== uses || !made.every(Boolean)) return false;
  for (const [at, { body, statement }] of whole.entries())
    body.splice(body.indexOf(statement), 1, ...made[at]);
  return true;
}

/** Returns the list of a key, which is made if there is none. */
function listOf(map, key) {
  if (!map.has(key)) map.set(key, []);
  return map.get(key);
}

/** Returns the functions of a tree in their order: each with the list of statements that it is in, and its calls. */
function functionsOf(tree) {
  const uses = new Map();
  const calls = new Map();
  const places = new Map();
  const found = [];
  walk(tree, (node) => {
    if (node.type === "Identifier") uses.set(node.local, (uses.get(node.local) ?? 0) + 1);
    else if (node.type === "CallExpression" && node.base.local) listOf(calls, node.base.local).push(node);
    if (!Array.isArray(node.body)) return;
    for (const statement of node.body) {
      if (statement.type === "FunctionDeclaration" && statement.isLocal)
        found.push({ fn: statement, body: node.body });
      const call = callIn(statement);
      if (call?.base.local) listOf(places, call.base.local).push({ body: node.body, statement, call });
    }
  });
  return found.map(({ fn, body }) => {
    const { local } = fn.identifier;
    return {
      fn,
      body,
      uses: uses.get(local) - 1,
      calls: listOf(calls, local),
      places: listOf(places, local),
    };
  });
}

/** Returns whether a statement only makes a function or a value that depends on nothing else. */
const isMovable = ({ type, isLocal, init }) =>
  (type === "FunctionDeclaration" && isLocal) ||
  (type === "LocalStatement" && init.length > 0 && init.every(isConstant));

/** Returns the variables that are used in a statement. */
function localsIn(statement) {
  const locals = new Set();
  walk(statement, ({ local }) => void (local && locals.add(local)));
  return locals;
}

/** Moves functions into the only branch that needs them. */
function sink(tree) {
  eachBlock(tree, (body) => {
    if (!body.some(isMovable)) return;
    const used = body.map(localsIn);
    for (let at = body.length - 1; at >= 0; at--) {
      if (!isMovable(body[at])) continue;
      const own = declaredBy({ ...body[at], parameters: [] });
      const isUsedIn = (locals) => own.some((local) => locals.has(local));
      const users = used.flatMap((locals, place) => (place > at && isUsedIn(locals) ? [place] : []));
      const inner = users.length === 1 && branchOf(body[users[0]], (node) => isUsedIn(localsIn(node)));
      if (!inner) continue;
      inner.splice(
        inner.findIndex((statement) => isUsedIn(localsIn(statement))),
        0,
        body[at],
      );
      for (const local of used[at]) used[users[0]].add(local);
      body.splice(at, 1);
      used.splice(at, 1);
    }
  });
}

/** Returns the only branch of a statement that needs something; null if more than one part needs it. */
function branchOf({ type, clauses, body }, needs) {
  if (type === "DoStatement") return body;
  if (type !== "IfStatement" || clauses.some(({ condition }) => condition && needs(condition))) return null;
  const branches = clauses.filter((clause) => needs(clause));
  return branches.length === 1 ? branches[0].body : null;
}

const remove = ({ fn, body }) => body.splice(body.indexOf(fn), 1);

/** Changes a tree: functions get to the places of their calls, or into the branches that need them. */
export function placeFunctions(tree) {
  for (let again = true; again; ) {
    again = false;
    for (const found of functionsOf(tree)) {
      // A function before this one may have changed the places of its calls, which are then seen the next time.
      if (found.uses > 0 && !inline(found, tree)) continue;
      remove(found);
      again = true;
    }
  }
  sink(tree);
}
