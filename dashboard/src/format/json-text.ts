/**
 * Indents JSON text without parsing it, so that every number and string keeps its exact characters. The text may even
 * be invalid.
 */
export function indentJsonText(text: string): string {
  let out = "";
  let depth = 0;
  let index = 0;
  const newline = () => `\n${"  ".repeat(Math.max(depth, 0))}`;
  while (index < text.length) {
    const character = text[index] as string;
    if (character === '"') {
      const end = endOfString(text, index);
      out += text.slice(index, end);
      index = end;
      continue;
    }
    index += 1;
    if (character === "{" || character === "[") {
      const rest = text.slice(index).trimStart();
      const close = character === "{" ? "}" : "]";
      if (rest.startsWith(close)) {
        out += character + close;
        index = text.indexOf(close, index) + 1;
      } else {
        depth += 1;
        out += character + newline();
      }
    } else if (character === "}" || character === "]") {
      depth -= 1;
      out += newline() + character;
    } else if (character === ",") out += character + newline();
    else if (character === ":") out += ": ";
    else if (!/\s/.test(character)) out += character;
  }
  return out;
}

function endOfString(text: string, start: number): number {
  let index = start + 1;
  while (index < text.length) {
    if (text[index] === "\\") index += 2;
    else if (text[index] === '"') return index + 1;
    else index += 1;
  }
  return text.length;
}
