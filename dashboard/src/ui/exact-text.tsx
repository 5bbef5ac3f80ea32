import { t } from "@lingui/core/macro";
import { Check, Copy } from "lucide-react";
import { useState } from "react";
import { indentJsonText } from "../format/json-text.ts";
import { bytes } from "../format/number.ts";
import { Button } from "./button.tsx";
import { ForeignText } from "./foreign-text.tsx";
import { Segments } from "./segments.tsx";

export function CopyButton({ text, label }: { text: string; label: string }) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(text);
    setCopied(true);
    setTimeout(() => setCopied(false), 1_500);
  };
  return (
    <Button small look="quiet" onPress={() => void copy().catch(() => setCopied(false))}>
      {copied ? <Check size={13} aria-hidden="true" /> : <Copy size={13} aria-hidden="true" />}
      {copied ? t`Copied` : label}
    </Button>
  );
}

/**
 * Shows the exact text of a payload or result, and never as markup. Indentation adds white space only outside of
 * strings. Invisible characters are shown by their numbers.
 */
export function ExactText({ title, text, byteCount }: { title: string; text: string; byteCount?: number }) {
  const [view, setView] = useState<"exact" | "indented">("exact");
  return (
    <section className="panel" aria-label={title}>
      <div className="panel-head">
        <h2>
          {title} {byteCount === undefined ? null : <span className="hint">{bytes(byteCount)}</span>}
        </h2>
        <div className="actions">
          <Segments<"exact" | "indented">
            label={t`${title} view`}
            value={view}
            onChange={setView}
            options={[
              { value: "exact", text: t`Exact` },
              { value: "indented", text: t`Indented` },
            ]}
          />
          <CopyButton text={text} label={t`Copy`} />
        </div>
      </div>
      <div className="panel-body">
        <pre className="text-block" tabIndex={0}>
          <ForeignText text={view === "exact" ? text : indentJsonText(text)} />
        </pre>
      </div>
    </section>
  );
}
