import type { Command, Option } from "commander";

export interface Candidate {
  word: string;
  description: string;
}

/** What the last word of a command line can be: one of these words, or a name that only Redis knows. */
export type Completion = { words: Candidate[] } | { names: "queues" };

const NOTHING: Completion = { words: [] };

/** @param words the words after `holdfast`; the last one is unfinished and may be empty */
export function completionOf(program: Command, words: readonly string[]): Completion {
  let command = program;
  let operands = 0;
  let awaited: Option | undefined;
  for (const word of words.slice(0, -1)) {
    if (awaited) {
      awaited = undefined;
      continue;
    }
    if (word.startsWith("-")) {
      const option = optionsOf(program, command).find((known) => known.long === word || known.short === word);
      if (option?.required) awaited = option;
      continue;
    }
    const sub = command.commands.find((known) => known.name() === word || known.aliases().includes(word));
    if (sub && operands === 0) command = sub;
    else operands++;
  }
  const current = words.at(-1) ?? "";
  if (awaited) return fitting(current, (awaited.argChoices ?? []).map(plain));
  if (current.startsWith("-")) {
    const options = optionsOf(program, command).filter(({ hidden }) => !hidden);
    return fitting(
      current,
      options.map(({ long, short, description }) => ({ word: long ?? short ?? "", description })),
    );
  }
  if (command.commands.length > 0 && operands === 0) return fitting(current, subcommandsOf(command));
  const argument = command.registeredArguments[Math.min(operands, command.registeredArguments.length - 1)];
  if (!argument || (operands >= command.registeredArguments.length && !argument.variadic)) return NOTHING;
  if (argument.argChoices) return fitting(current, argument.argChoices.map(plain));
  return /^queues?$/.test(argument.name()) ? { names: "queues" } : NOTHING;
}

export const plain = (word: string): Candidate => ({ word, description: "" });

export function fitting(current: string, candidates: readonly Candidate[]): { words: Candidate[] } {
  return { words: candidates.filter(({ word }) => word.startsWith(current)) };
}

function optionsOf(program: Command, command: Command): Option[] {
  return [...command.options, ...(command === program ? [] : program.options)];
}

function subcommandsOf(command: Command): Candidate[] {
  return command.commands
    .filter((known) => !known.name().startsWith("__"))
    .map((known) => ({ word: known.name(), description: known.description() }));
}
