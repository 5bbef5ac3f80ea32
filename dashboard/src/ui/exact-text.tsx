import { t } from "@lingui/core/macro";
import { useMemo, useState } from "react";
import { indentJsonText } from "../format/json-text.ts";
import { jsonTree } from "../format/json-tree.ts";
import { bytes } from "../format/number.ts";
import { CopyButton } from "./copy-button.tsx";
import { ForeignText } from "./foreign-text.tsx";
import { JsonTree } from "./json-tree.tsx";
import { Segments } from "./segments.tsx";

const VIEWS = {
  tree: () => t`Tree`,
  exact: () => t`Exact`,
  indented: () => t`Indented`,
} as const;
type View = keyof typeof VIEWS;

interface ExactTextProps {
  title: string;
  /** The name of the whole value in paths, such as `payload`. */
  name: string;
  text: string;
  byteCount?: number;
}

/**
 * Shows a payload or result as a tree or as its exact text, and never as HTML. Indentation adds white space only
 * outside of strings. Invisible characters are shown as their code points.
 */
export function ExactText({ title, name, text, byteCount }: ExactTextProps) {
  const [chosen, setChosen] = useState<View>("tree");
  const root = useMemo(() => jsonTree(text), [text]);
  // A payload that was written by an old library may not be JSON. Then there is no tree.
  const view = root === null && chosen === "tree" ? "exact" : chosen;
  return (
    <section className="panel" aria-label={title}>
      <div className="panel-head">
        <h2>
          {title} {byteCount === undefined ? null : <span className="hint">{bytes(byteCount)}</span>}
        </h2>
        <div className="actions">
          <Segments<View>
            label={t`${title} view`}
            value={view}
            onChange={setChosen}
            options={(Object.keys(VIEWS) as View[])
              .filter((each) => each !== "tree" || root !== null)
              .map((value) => ({ value, text: VIEWS[value]() }))}
          />
          <CopyButton text={text} label={t`Copy`} />
        </div>
      </div>
      {view === "tree" && root !== null ? (
        <JsonTree key={text} label={t`${title}, as a tree`} name={name} text={text} root={root} />
      ) : (
        <div className="panel-body">
          <pre className="text-block" tabIndex={0}>
            <ForeignText text={view === "exact" ? text : indentJsonText(text)} />
          </pre>
        </div>
      )}
    </section>
  );
}
