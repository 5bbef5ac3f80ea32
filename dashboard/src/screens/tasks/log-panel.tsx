import { plural } from "../../format/number.ts";
import { CopyButton } from "../../ui/copy-button.tsx";
import { ForeignText } from "../../ui/foreign-text.tsx";

/** Shows the last lines that handlers logged. */
export function LogPanel({ lines }: { lines: readonly string[] }) {
  return (
    <section className="panel" aria-label="Log">
      <div className="panel-head">
        <h2>
          Log <span className="hint">{plural(lines.length, "line")}, the last 50 are kept</span>
        </h2>
        <CopyButton text={lines.join("\n")} label="Copy" />
      </div>
      <section className="log-lines" aria-label="Lines, scrollable" tabIndex={0}>
        <ol>
          {lines.map((line, place) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: two lines may be equal
            <li key={place}>
              <ForeignText text={line} />
            </li>
          ))}
        </ol>
      </section>
    </section>
  );
}
