import { codePoint, nameOf, partsOf } from "../format/foreign-text.ts";

/**
 * Shows a text that other people wrote. Characters that are invisible or would reorder the text are shown as their
 * code points. If the user copies the text, the copy contains the original characters.
 */
export function ForeignText({ text }: { text: string }) {
  const parts = partsOf(text);
  if (parts === null) return text;
  return parts.map(({ text, kind }, index) => {
    if (kind === "plain") return text;
    // biome-ignore lint/suspicious/noArrayIndexKey: the parts of a text have no other name
    if (kind === "isolated") return <bdi key={index}>{text}</bdi>;
    return (
      // biome-ignore lint/suspicious/noArrayIndexKey: the parts of a text have no other name
      <span key={index} className="code-point" data-code={codePoint(text)} title={nameOf(text)}>
        <span>{text}</span>
      </span>
    );
  });
}
