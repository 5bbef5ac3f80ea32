// Puts the statements or the expression of a function in the place of one of its calls.
import { some, walk } from "./tree.mjs";

const BUILT_IN = new Set([
  "string",
  "table",
  "math",
  "struct",
  "tonumber",
  "tostring",
  "unpack",
  "ipairs",
  "pairs",
]);

const isGlobal = (node, names) => node.type === "Identifier" && !node.local && names.has(node.name);
const isArgument = (node) =>
  node.type === "IndexExpression" &&
  isGlobal(node.base, new Set(["KEYS", "ARGV"])) &&
  node.index.type === "NumericLiteral";

/** Returns whether an expression has the same value wherever it stands, and costs nothing. */
export const isFixed = (node) =>
  /^(String|Numeric|Boolean|Nil)Literal$/.test(node.type) ||
  (node.type === "Identifier" && node.local && !node.local.assigned) ||
  isArgument(node);

/** Returns whether a call changes nothing: it calls a function of the Lua library only. */
const isBuiltIn = ({ base }) =>
  isGlobal(base, BUILT_IN) ||
  (base.type === "MemberExpression" &&
    isGlobal(base.base, BUILT_IN) &&
    !/^(insert|remove|sort)$/.test(base.identifier.name));

/** Returns whether an expression has no effect. */
const isPure = (node) =>
  !some(
    node,
    (part) => /Call/.test(part.type) && !(part.type === "CallExpression" && isBuiltIn(part)),
    false,
  );

/** Returns whether an expression is made of literals and arguments only. */
export const isConstant = (node) =>
  isFixed(node) ||
  (node.type === "MemberExpression" && isGlobal(node.base, BUILT_IN)) ||
  (node.type === "CallExpression" &&
    isGlobal(node.base, new Set(["tonumber"])) &&
    node.arguments.every(isArgument)) ||
  (node.type === "TableConstructorExpression" && node.fields.every(({ value }) => isConstant(value)));

export function usesOf(local, tree) {
  let uses = 0;
  walk(tree, (node) => {
    if (node.type === "Identifier" && node.local === local) uses++;
  });
  return uses;
}

const isReturn = ({ type }) => type === "ReturnStatement";
const returns = (node) => some(node, isReturn, false);
const isLoop = ({ type }) => /^(While|Repeat|For)/.test(type);

/** Returns whether the last statement returns on every way. */
function alwaysReturns(body) {
  const last = body.at(-1);
  if (!last) return false;
  if (isReturn(last)) return true;
  if (last.type === "DoStatement") return alwaysReturns(last.body);
  return (
    last.type === "IfStatement" &&
    last.clauses.at(-1).type === "ElseClause" &&
    last.clauses.every((clause) => alwaysReturns(clause.body))
  );
}

/**
 * Rewrites the body of a function so that it has no `return`: what follows an `if` that returns gets into its `else`.
 * @param ending returns the statements that stand for a `return` with these values
 * @returns null if that is not possible
 */
function withoutReturns(body, ending) {
  const at = body.findIndex(returns);
  if (at < 0) return body;
  const statement = body[at];
  const before = body.slice(0, at);
  const rest = body.slice(at + 1);
  if (isReturn(statement)) return [...before, ...ending(statement.arguments)];
  if (isLoop(statement)) {
    const isLast =
      rest.length === 0 &&
      statement.body.every((inner) => !some(inner, (node) => isLoop(node) && returns(node), false));
    return isLast ? [...before, { ...statement, body: withBreaks(statement.body, ending) }] : null;
  }
  if (statement.type === "DoStatement") {
    const inner =
      rest.length === 0 || alwaysReturns(statement.body) ? withoutReturns(statement.body, ending) : null;
    return inner && [...before, { ...statement, body: inner }];
  }
  const clauses = [...statement.clauses];
  if (rest.length > 0) {
    if (clauses.at(-1).type !== "ElseClause") clauses.push({ type: "ElseClause", body: [] });
    const open = clauses.filter((clause) => !alwaysReturns(clause.body));
    if (open.length > 1) return null;
    if (open.length === 1)
      clauses.splice(clauses.indexOf(open[0]), 1, { ...open[0], body: [...open[0].body, ...rest] });
  }
  const done = clauses.map((clause) => ({ ...clause, body: withoutReturns(clause.body, ending) }));
  return done.every((clause) => clause.body) ? [...before, tidy({ ...statement, clauses: done })] : null;
}

/** Returns whether a function can be written without `return`. */
export const isReplaceable = (fn) => withoutReturns(fn.body, () => []) !== null;

/** `if a then else … end` becomes `if not a then … end`. */
function tidy(statement) {
  const [first, last] = statement.clauses;
  if (last && last.type === "ElseClause" && last.body.length === 0)
    return tidy({ ...statement, clauses: statement.clauses.slice(0, -1) });
  if (statement.clauses.length !== 2 || last.type !== "ElseClause" || first.body.length > 0) return statement;
  const condition = { type: "UnaryExpression", operator: "not", argument: first.condition };
  return { ...statement, clauses: [{ ...last, type: "IfClause", condition }] };
}

/** Rewrites the body of a loop whose `return` ends both the loop and the function. */
const withBreaks = (body, ending) =>
  body.flatMap((node) => {
    if (isReturn(node)) return [...ending(node.arguments), { type: "BreakStatement" }];
    if (node.type === "IfStatement")
      return [
        {
          ...node,
          clauses: node.clauses.map((clause) => ({ ...clause, body: withBreaks(clause.body, ending) })),
        },
      ];
    return [node.type === "DoStatement" ? { ...node, body: withBreaks(node.body, ending) } : node];
  });

/** Copies a tree. Variables that it declares become new ones, and those in `given` become copies of expressions. */
function copy(node, given = new Map(), fresh = new Map()) {
  if (Array.isArray(node)) return node.map((part) => copy(part, given, fresh));
  if (typeof node !== "object" || node === null) return node;
  if (node.type === "Identifier") {
    const expression = given.get(node.local);
    return expression ? copy(expression) : { ...node, local: fresh.get(node.local) ?? node.local };
  }
  for (const local of declaredBy(node)) fresh.set(local, { ...local });
  return Object.fromEntries(Object.entries(node).map(([name, value]) => [name, copy(value, given, fresh)]));
}

/** Returns the variables that a node declares. */
export function declaredBy(node) {
  const own = [
    node.type === "FunctionDeclaration" && node.isLocal && node.identifier,
    ...(node.parameters ?? []),
  ];
  if (node.type === "LocalStatement" || node.type === "ForGenericStatement") own.push(...node.variables);
  if (node.type === "ForNumericStatement") own.push(node.variable);
  return own.flatMap((identifier) => identifier?.local ?? []);
}

export const identifierOf = (local) => ({ type: "Identifier", name: local.name, local });
export const localStatement = (locals, init) => ({
  type: "LocalStatement",
  variables: locals.map(identifierOf),
  init,
});
const NIL = { type: "NilLiteral", value: null, raw: "nil" };

/** Returns whether each argument is the value of one parameter. */
function fits({ parameters }, { arguments: given }) {
  const isOpen = given.length < parameters.length && given.length > 0 && /Call/.test(given.at(-1).type);
  return given.length <= parameters.length && !isOpen;
}

/** Returns how a function gets its arguments: as variables of their own, or in place of its parameters. */
function bind(fn, call) {
  const given = new Map();
  const locals = [];
  const init = [];
  fn.parameters.forEach((parameter, place) => {
    const value = call.arguments[place] ?? NIL;
    if (isFixed(value) && !parameter.local.assigned) given.set(parameter.local, value);
    else {
      locals.push(parameter.local);
      init.push(value);
    }
  });
  return { given, locals, init };
}

/** Returns the statements that stand for a statement with a call of the function; null if that is not possible. */
export function inPlace(fn, statement, call) {
  if (!fits(fn, call)) return null;
  const { given, locals, init } = bind(fn, call);
  const fresh = new Map(locals.map((local) => [local, { ...local }]));
  const bound = locals.length > 0 ? [localStatement([...fresh.values()], init)] : [];
  const body = copy(fn.body, given, fresh);
  const whole = (statements) => ({ type: "DoStatement", body: [...bound, ...statements] });
  if (statement.type === "ReturnStatement")
    return [whole(body), ...(alwaysReturns(body) ? [] : [{ ...statement, arguments: [] }])];
  if (statement.type === "CallStatement") {
    const inner = withoutReturns(body, (values) =>
      values.every(isPure) ? [] : [localStatement([{ name: "_" }], values)],
    );
    return inner && [whole(inner)];
  }
  const isLocal = statement.type === "LocalStatement";
  const results = isLocal
    ? statement.variables.map(({ local }) => local)
    : statement.variables.map(({ name }) => ({ name, assigned: true }));
  const assign = (values) => [
    {
      type: "AssignmentStatement",
      variables: results.map(identifierOf),
      init: values.length > 0 ? values : [NIL],
    },
  ];
  const inner = withoutReturns(body, assign);
  if (!inner) return null;
  const made = [localStatement(results, []), whole(inner)];
  return isLocal
    ? made
    : [{ type: "DoStatement", body: [...made, { ...statement, init: results.map(identifierOf) }] }];
}

/** Returns the expression of a function whose only statement returns it, with the arguments of a call; null if none. */
export function asExpression(fn, call) {
  const [only] = fn.body;
  if (fn.body.length !== 1 || !isReturn(only) || only.arguments.length !== 1 || !fits(fn, call)) return null;
  const given = new Map();
  for (const [place, { local }] of fn.parameters.entries()) {
    const value = call.arguments[place] ?? NIL;
    const isOnce = usesOf(local, only) <= 1 && !some(only, (node) => node.type === "FunctionDeclaration");
    if (local.assigned || !(isFixed(value) || (isOnce && isPure(value) && isPure(only)))) return null;
    given.set(local, value.type === "CallExpression" ? { ...value, inParens: true } : value);
  }
  const made = copy(only.arguments[0], given);
  return call.inParens && made.type === "CallExpression" ? { ...made, inParens: true } : made;
}
