export * from "./clause.ts";
export { durationText } from "./moments.ts";
export * from "./parse.ts";
export { clauseText, printQuery, valueText } from "./print.ts";
