import type { LogLevel, TaskView } from "@holdfast/contracts";
import { plural } from "../../format/number.ts";
import { utcPrecise } from "../../format/time.ts";
import { CopyButton } from "../../ui/copy-button.tsx";
import { ForeignText } from "../../ui/foreign-text.tsx";

const TONES: Record<LogLevel, string> = { debug: "quiet", info: "quiet", warn: "warn", error: "dead" };

/** Shows the last lines that handlers logged, with their times and levels. */
export function LogPanel({ task: { log, logMarks } }: { task: TaskView }) {
  const lines = log.map((text, place) => ({
    text,
    at: logMarks[place]?.at ?? null,
    level: logMarks[place]?.level ?? "info",
  }));
  const copied = lines.map(({ text, at, level }) =>
    at === null ? text : `${utcPrecise(at)} ${level} ${text}`,
  );
  return (
    <section className="panel" aria-label="Log">
      <div className="panel-head">
        <h2>
          Log <span className="hint">{plural(lines.length, "line")}, the last 50 are kept</span>
        </h2>
        <CopyButton text={copied.join("\n")} label="Copy" />
      </div>
      <section className="log-lines" aria-label="Lines, scrollable" tabIndex={0}>
        <ol>
          {lines.map(({ text, at, level }, place) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: two lines may be equal
            <li key={place} className={`tone-${TONES[level]}`}>
              {at === null ? (
                <span className="log-time">time not kept</span>
              ) : (
                <time className="log-time" dateTime={utcPrecise(at)} title={utcPrecise(at)}>
                  {utcPrecise(at).slice(11)}
                </time>
              )}
              <span className="log-level">{level}</span>
              <span className="log-text">
                <ForeignText text={text} />
              </span>
            </li>
          ))}
        </ol>
      </section>
    </section>
  );
}
