// Writes a syntax tree as Lua.
import { childrenOf } from "./tree.mjs";

/**
 * Gives each variable the name that is printed. A variable that would hide another one where that one is used gets a
 * number behind its name.
 */
function nameLocals(tree) {
  const taken = new Map();
  for (let again = true; again; ) {
    again = false;
    const scopes = [new Map()];
    const find = (name) => scopes.findLast((scope) => scope.has(name))?.get(name);
    const visit = (node) => {
      if (again) return;
      if (node.type === "Identifier") {
        const shown = node.local?.shown ?? node.local?.name ?? node.name;
        const found = find(shown);
        if (found === node.local) return;
        const count = (taken.get(found.name) ?? 1) + 1;
        taken.set(found.name, count);
        found.shown = `${found.name}_${count}`;
        again = true;
        return;
      }
      visitScoped(node, visit, scopes);
    };
    block(tree.body, visit, scopes);
  }
}

function block(body, visit, scopes, variables = []) {
  scopes.push(new Map(variables.map(({ local }) => [local.shown ?? local.name, local])));
  body.forEach(visit);
  scopes.pop();
}

const bring = (scopes, { local }) => scopes.at(-1).set(local.shown ?? local.name, local);

/** Visits the parts of a node, and keeps `scopes` as Lua does. */
function visitScoped(node, visit, scopes) {
  switch (node.type) {
    case "LocalStatement":
      node.init.forEach(visit);
      for (const variable of node.variables) bring(scopes, variable);
      return;
    case "FunctionDeclaration":
      if (node.isLocal) bring(scopes, node.identifier);
      else if (node.identifier) visit(node.identifier);
      block(
        node.body,
        visit,
        scopes,
        node.parameters.filter(({ local }) => local),
      );
      return;
    case "ForNumericStatement":
    case "ForGenericStatement":
      for (const part of [node.start, node.end, node.step, ...(node.iterators ?? [])]) if (part) visit(part);
      block(node.body, visit, scopes, node.variables ?? [node.variable]);
      return;
    case "RepeatStatement":
      block([...node.body, node.condition], visit, scopes);
      return;
    case "IfStatement":
      for (const { condition, body } of node.clauses) {
        if (condition) visit(condition);
        block(body, visit, scopes);
      }
      return;
    case "WhileStatement":
      visit(node.condition);
      block(node.body, visit, scopes);
      return;
    case "DoStatement":
      block(node.body, visit, scopes);
      return;
    default:
      childrenOf(node).forEach(visit);
  }
}

/** Writes a tree as text, one statement per line, so that the lines in errors of Redis say much. */
export function print(tree) {
  nameLocals(tree);
  const lines = [];
  for (const statement of tree.body) printStatement(statement, lines);
  return `${lines.join("\n")}\n`;
}

const list = (nodes) => nodes.map((node) => show(node)).join(", ");

function printBlock(head, body, lines, end = "end") {
  lines.push(head);
  for (const statement of body) printStatement(statement, lines);
  if (end) lines.push(end);
}

function printStatement(node, lines) {
  switch (node.type) {
    case "LocalStatement":
      lines.push(`local ${list(node.variables)}${node.init.length > 0 ? ` = ${list(node.init)}` : ""}`);
      return;
    case "AssignmentStatement":
      lines.push(`${list(node.variables)} = ${list(node.init)}`);
      return;
    case "CallStatement":
      lines.push(show(node.expression));
      return;
    case "ReturnStatement":
      lines.push(`return ${list(node.arguments)}`.trimEnd());
      return;
    case "BreakStatement":
      lines.push("break");
      return;
    case "FunctionDeclaration":
      printBlock(
        `${node.isLocal ? "local " : ""}function ${show(node.identifier)}(${list(node.parameters)})`,
        node.body,
        lines,
      );
      return;
    case "DoStatement":
      printBlock("do", node.body, lines);
      return;
    case "WhileStatement":
      printBlock(`while ${show(node.condition)} do`, node.body, lines);
      return;
    case "RepeatStatement":
      printBlock("repeat", node.body, lines, `until ${show(node.condition)}`);
      return;
    case "ForNumericStatement":
      printBlock(
        `for ${show(node.variable)} = ${list([node.start, node.end, node.step].filter((part) => part))} do`,
        node.body,
        lines,
      );
      return;
    case "ForGenericStatement":
      printBlock(`for ${list(node.variables)} in ${list(node.iterators)} do`, node.body, lines);
      return;
    case "IfStatement":
      for (const { type, condition, body } of node.clauses) {
        const word = { IfClause: "if", ElseifClause: "elseif", ElseClause: "else" }[type];
        printBlock(condition ? `${word} ${show(condition)} then` : word, body, lines, "");
      }
      lines.push("end");
      return;
    default:
      throw new Error(`no way to print ${node.type}`);
  }
}

const PRECEDENCE = [["or"], ["and"], ["<", ">", "<=", ">=", "~=", "=="], [".."], ["+", "-"], ["*", "/", "%"]];
const UNARY = PRECEDENCE.length;
const precedenceOf = ({ type, operator }) => {
  if (type === "UnaryExpression") return UNARY;
  if (operator === "^") return UNARY + 1;
  const found = PRECEDENCE.findIndex((operators) => operators.includes(operator));
  return found < 0 || !/Binary|Logical/.test(type) ? UNARY + 2 : found;
};

/** Returns an expression as text, in parentheses if it binds less than `least`. */
function show(node, least = 0) {
  const text = textOf(node);
  return node.inParens || precedenceOf(node) < least ? `(${text})` : text;
}

const showBase = (node) =>
  /^(Identifier|Member|Index|Call|StringCall|TableCall)/.test(node.type) ? show(node) : `(${show(node)})`;

function textOf(node) {
  switch (node.type) {
    case "Identifier":
      return node.local?.shown ?? node.name;
    case "StringLiteral":
    case "NumericLiteral":
    case "BooleanLiteral":
    case "NilLiteral":
    case "VarargLiteral":
      return node.raw;
    case "BinaryExpression":
    case "LogicalExpression": {
      const own = precedenceOf(node);
      const isRight = node.operator === ".." || node.operator === "^";
      return `${show(node.left, isRight ? own + 1 : own)} ${node.operator} ${show(node.right, isRight ? own : own + 1)}`;
    }
    case "UnaryExpression": {
      const argument = show(node.argument, UNARY);
      return `${node.operator}${node.operator === "not" || argument.startsWith("-") ? " " : ""}${argument}`;
    }
    case "MemberExpression":
      return `${showBase(node.base)}${node.indexer}${node.identifier.name}`;
    case "IndexExpression":
      return `${showBase(node.base)}[${show(node.index)}]`;
    case "CallExpression":
      return `${showBase(node.base)}(${list(node.arguments)})`;
    case "StringCallExpression":
      return `${showBase(node.base)}(${show(node.argument)})`;
    case "TableCallExpression":
      return `${showBase(node.base)}(${show(node.arguments)})`;
    case "TableConstructorExpression":
      return node.fields.length === 0 ? "{}" : `{ ${node.fields.map(fieldText).join(", ")} }`;
    case "FunctionDeclaration": {
      const lines = [];
      printBlock(`function(${list(node.parameters)})`, node.body, lines);
      return lines.join("\n");
    }
    default:
      throw new Error(`no way to print ${node.type}`);
  }
}

function fieldText({ type, key, value }) {
  if (type === "TableValue") return show(value);
  return type === "TableKeyString" ? `${key.name} = ${show(value)}` : `[${show(key)}] = ${show(value)}`;
}
