import { completionOf, fitting, plain } from "../complete/candidates.ts";
import { completionScript, SHELLS, type Shell } from "../complete/shells.ts";
import { Command, Context, type Io } from "../context.ts";

/** How long the shell completion waits for Redis to list the queues, ms. */
const NAMES_MS = 500;

export function completionCommand(program: Command, io: Io): void {
  program
    .addCommand(
      new Command("completion")
        .copyInheritedSettings(program)
        .description("prints a completion script for your shell: source <(holdfast completion bash)")
        .addArgument(new Command().createArgument("<shell>", "which one").choices(SHELLS))
        .action((shell: Shell) => void io.stdout.write(completionScript(shell))),
    )
    .command("__complete", { hidden: true })
    .argument("[words...]")
    .action(async (words: string[]) => {
      const completion = completionOf(program, words);
      const candidates = "words" in completion ? completion.words : await queueNames(io, words);
      for (const { word, description } of candidates) io.stdout.write(`${word}\t${description}\n`);
    });
}

/** Returns the names of queues; none if Redis does not answer, because a completion cannot report errors. */
async function queueNames(io: Io, words: readonly string[]) {
  const after = (option: string) => {
    const at = words.lastIndexOf(option);
    return at >= 0 && at < words.length - 2 ? words[at + 1] : undefined;
  };
  const [redis, prefix] = [after("--redis"), after("--prefix")];
  let context: Context | undefined;
  try {
    context = new Context(io, {
      output: "table",
      ...(redis === undefined ? {} : { redis }),
      ...(prefix === undefined ? {} : { prefix }),
    });
    await context.client.check(NAMES_MS);
    const queues = await (await context.observer()).queues();
    return fitting(words.at(-1) ?? "", queues.map(plain)).words;
  } catch {
    return [];
  } finally {
    await context?.close();
  }
}
