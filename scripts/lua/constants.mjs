// Redis runs a script from its first line in each call, so each local variable costs time. This puts constants in the
// places where they are used.
import { become, parse, walk } from "./tree.mjs";

const isLiteral = ({ type }) => type === "NumericLiteral" || type === "StringLiteral";
const isConstant = ({ type, variables, init }) =>
  type === "LocalStatement" &&
  variables.length === init.length &&
  variables.every(
    ({ name, local }, i) => /^[A-Z][A-Z0-9_]*$/.test(name) && !local.assigned && isLiteral(init[i]),
  );

const isByteOfLetter = ({ type, base, arguments: given }) =>
  type === "CallExpression" &&
  base.type === "MemberExpression" &&
  base.base.name === "string" &&
  base.identifier.name === "byte" &&
  given.length === 1 &&
  given[0].type === "StringLiteral" &&
  given[0].value.length === 1;

const numberOf = (value) => ({ type: "NumericLiteral", value, raw: String(value) });

/**
 * Puts literals whose names are in capitals, the bytes of letters (`string.byte('c')`), and the names of KEYS and of
 * text ARGV in the places where they are used.
 * @param names Map name -> Lua expression, for KEYS and ARGV
 */
export function placeConstants(tree, names) {
  const values = new Map();
  walk(tree, ({ body }) => {
    if (!Array.isArray(body)) return;
    for (const statement of body.filter(isConstant)) {
      for (const [i, { local }] of statement.variables.entries()) values.set(local, statement.init[i]);
      body.splice(body.indexOf(statement), 1);
    }
  });
  const given = new Map(
    [...names].map(([name, value]) => [name, parse(`return ${value}`).body[0].arguments[0]]),
  );
  walk(tree, (node) => {
    const isName = node.type === "Identifier";
    const value = isName ? (node.local ? values.get(node.local) : given.get(node.name)) : undefined;
    if (value) become(node, structuredClone(value));
    else if (isByteOfLetter(node)) become(node, numberOf(node.arguments[0].value.charCodeAt(0)));
  });
}
