const WIDTHS = [34, 40, 60];

function wrap(text, width) {
  const lines = [""];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== "" && last.length + word.length + 1 > width) lines.push(word);
    else lines[lines.length - 1] = last === "" ? word : `${last} ${word}`;
  }
  return lines;
}

/**
 * Prints one row per result: the fault or check (the field that `about` names), the expected result, the seen result,
 * and the verdict.
 */
export function printTable(about, results) {
  const rule = WIDTHS.map((width) => "-".repeat(width)).join("  ");
  const print = (texts, verdict) => {
    const cells = texts.map((text, i) => wrap(text, WIDTHS[i]));
    const height = Math.max(...cells.map((cell) => cell.length));
    for (let line = 0; line < height; line++) {
      const row = cells.map((cell, i) => (cell[line] ?? "").padEnd(WIDTHS[i])).join("  ");
      console.log(line === 0 ? `${row}  ${verdict}` : row.trimEnd());
    }
  };
  console.log("");
  print([about, "expected", "seen"], "verdict");
  console.log(`${rule}  -------`);
  for (const { [about]: what, expected, seen, verdict, failed = [] } of results)
    print([what, expected, [seen, ...failed].filter(Boolean).join("; ")], verdict);
  console.log("");
}

/** Prints the results as a Markdown table for the documentation. */
export function printMarkdown(results) {
  console.log("| Row | Fault | Expected | Seen | Verdict |\n| --- | --- | --- | --- | --- |");
  for (const { row, fault, expected, seen, verdict } of results)
    console.log(`| \`${row}\` | ${fault} | ${expected} | ${seen} | ${verdict} |`);
}
