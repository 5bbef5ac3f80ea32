import luaparse from "luaparse";

/**
 * Inlines constants. Redis runs a script from its first line in each call, so each local variable costs time. This
 * function inlines literals whose names are in capitals, the byte of a letter (`string.byte('c')`), and the names of
 * KEYS and of text ARGV. It does not inline an ARGV whose name is also declared as a local variable of the script.
 * @param text Lua 5.1
 * @param names Map name -> Lua expression, for KEYS and ARGV
 * @throws Error if the name of a constant or key is declared twice
 */
export function inlineConstants(text, names) {
  const { tree, identifiers, declared, letters } = parse(text);
  const isShared = (name) => declared.includes(name) && names.get(name)?.startsWith("ARGV");
  const values = new Map([...names].filter(([name]) => !isShared(name)));
  const edits = [];
  for (const statement of statementsOf(tree.body)) {
    const literals = constantsOf(statement);
    if (!literals) continue;
    for (const { name, raw } of literals) values.set(name, raw);
    edits.push({ range: statement.range, by: "" });
  }
  for (const { name, range } of identifiers) {
    if (!values.has(name) || edits.some((edit) => edit.by === "" && inside(range, edit.range))) continue;
    edits.push({ range, by: values.get(name) });
  }
  for (const name of values.keys()) {
    if (declared.filter((other) => other === name).length > (names.has(name) ? 0 : 1))
      throw new Error(`${name} is declared twice: the name of a constant or key must be unique`);
  }
  for (const { range, letter } of letters) edits.push({ range, by: String(letter.charCodeAt(0)) });
  edits.sort((a, b) => b.range[0] - a.range[0]);
  let result = text;
  for (const { range, by } of edits) result = result.slice(0, range[0]) + by + result.slice(range[1]);
  return (
    [...names]
      .filter(([name]) => isShared(name))
      .map(([name, value]) => `local ${name} = ${value}\n`)
      .join("") + result
  );
}

const inside = ([from, to], [start, end]) => from >= start && to <= end;

/** Returns the statements of the file, including those within its `if` blocks. */
const statementsOf = (body) =>
  body.flatMap((statement) => [
    statement,
    ...statementsOf((statement.clauses ?? []).flatMap(({ body }) => body)),
  ]);

/** Returns the names and literals of a statement such as `local A, B = 1, 2`, or null for any other statement. */
function constantsOf(statement) {
  if (statement.type !== "LocalStatement" || statement.variables.length !== statement.init.length)
    return null;
  const constant = statement.variables.every(
    ({ name }, i) =>
      /^[A-Z][A-Z0-9_]*$/.test(name) && /^(Numeric|String)Literal$/.test(statement.init[i].type),
  );
  return constant ? statement.variables.map(({ name }, i) => ({ name, raw: statement.init[i].raw })) : null;
}

/**
 * Returns the syntax tree, and every place where a variable is used. Fields and methods of tables are not variables.
 */
function parse(text) {
  const fields = new Set();
  const identifiers = [];
  const declared = [];
  const letters = [];
  const tree = luaparse.parse(text, {
    luaVersion: "5.1",
    ranges: true,
    encodingMode: "pseudo-latin1",
    onCreateNode(node) {
      if (node.type === "Identifier") identifiers.push(node);
      else if (node.type === "CallExpression" && isByteOfLetter(node))
        letters.push({ range: node.range, letter: node.arguments[0].value });
      else if (node.type === "MemberExpression") fields.add(node.identifier);
      else if (node.type === "TableKeyString") fields.add(node.key);
      else if (node.type === "FunctionDeclaration") {
        declared.push(...node.parameters.map(({ name }) => name));
        if (node.isLocal) declared.push(node.identifier.name);
      } else if (node.type === "LocalStatement" || node.type === "ForGenericStatement")
        declared.push(...node.variables.map(({ name }) => name));
      else if (node.type === "ForNumericStatement") declared.push(node.variable.name);
    },
  });
  return { tree, declared, letters, identifiers: identifiers.filter((node) => !fields.has(node)) };
}

const isByteOfLetter = ({ base, arguments: given }) =>
  base.type === "MemberExpression" &&
  base.base.name === "string" &&
  base.identifier.name === "byte" &&
  given.length === 1 &&
  given[0].type === "StringLiteral" &&
  given[0].value.length === 1;
