import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { json } from "@codemirror/lang-json";
import { bidiIsolates, HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { MergeView } from "@codemirror/merge";
import { EditorState } from "@codemirror/state";
import { EditorView, highlightSpecialChars, keymap, lineNumbers } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { t } from "@lingui/core/macro";
import { useEffect, useRef } from "react";
import { codePoint, MARKED_CHARACTERS, nameOf } from "../../format/foreign-text.ts";

interface PayloadDiffProps {
  before: string;
  after: string;
  onChange(text: string): void;
}

const colours = HighlightStyle.define([
  { tag: tags.propertyName, color: "var(--accent-strong)" },
  { tag: tags.string, color: "var(--completed)" },
  { tag: [tags.number, tags.bool, tags.null], color: "var(--processing)" },
]);

const look = EditorView.theme({
  "&": { fontSize: "var(--size-s)", backgroundColor: "var(--surface-sunken)" },
  ".cm-content": { fontFamily: "var(--mono)", caretColor: "var(--text)" },
  ".cm-gutters": { backgroundColor: "transparent", color: "var(--quiet)", border: "0" },
});

/** Shows characters that are invisible or reorder the line as their code points. */
const specialChars = highlightSpecialChars({
  specialChars: MARKED_CHARACTERS,
  render: (code) => {
    const character = String.fromCodePoint(code);
    const mark = document.createElement("span");
    mark.className = "code-point";
    mark.dataset.code = codePoint(character);
    mark.title = nameOf(character);
    return mark;
  },
});

/**
 * Shows the old and the new payload side by side. The new payload can be edited. The editor keeps every character,
 * including line ends.
 */
export function PayloadDiff({ before, after, onChange }: PayloadDiffProps) {
  const place = useRef<HTMLDivElement>(null);
  const latest = useRef(onChange);
  latest.current = onChange;
  const first = useRef({ before, after });
  useEffect(() => {
    const parent = place.current;
    if (parent === null) return;
    const shared = [
      lineNumbers(),
      specialChars,
      // Isolates each string. Otherwise the words of two strings that are written from right to left could change
      // places.
      bidiIsolates({ alwaysIsolate: true }),
      json(),
      syntaxHighlighting(colours),
      look,
      EditorView.lineWrapping,
      // The default line separator would replace "\r\n" and "\r" by "\n", which changes the payload.
      EditorState.lineSeparator.of("\n"),
    ];
    const { before, after } = first.current;
    const view = new MergeView({
      parent,
      a: {
        doc: before,
        extensions: [
          shared,
          EditorState.readOnly.of(true),
          EditorView.contentAttributes.of({ "aria-label": t`Payload before`, "aria-readonly": "true" }),
        ],
      },
      b: {
        doc: after,
        extensions: [
          shared,
          history(),
          keymap.of([...defaultKeymap, ...historyKeymap]),
          EditorView.contentAttributes.of({ "aria-label": t`Payload after` }),
          EditorView.updateListener.of(({ docChanged, state }) => {
            if (docChanged) latest.current(state.sliceDoc());
          }),
        ],
      },
      gutter: true,
      highlightChanges: true,
    });
    view.b.focus();
    return () => view.destroy();
  }, []);
  return <div className="diff" ref={place} />;
}
