import { HoldfastError, isTaskType } from "@holdfast/contracts";
import { shown } from "../options/shape.ts";

/**
 * A rule says which types a worker runs: a task type, a prefix and a star (`email.*`), or `*` for all types. Workers
 * send their rules with their calls, and janitors read them from the registry (lua/lib/routes.lua).
 */
export const isPrefix = (rule: string): boolean => rule.endsWith("*");

export const isTypeRule = (rule: string): boolean =>
  rule === "*" || isTaskType(isPrefix(rule) ? rule.slice(0, -1) : rule);

/** Checks a rule. @throws HoldfastError invalid_task_type */
export function checkTypeRule(rule: string): string {
  if (isTypeRule(rule)) return rule;
  throw new HoldfastError(
    "invalid_task_type",
    `${shown(rule)} is not a valid task type: 1 to 128 of A-Z a-z 0-9 _ . : / -, the first a letter or digit, perhaps with a version: order@2; a text that ends with * stands for all types that begin with it, and * alone for all types`,
  );
}

export function runsType(rules: readonly string[], type: string): boolean {
  return rules.some((rule) => (isPrefix(rule) ? type.startsWith(rule.slice(0, -1)) : type === rule));
}
