import type { LogLevel, TaskView } from "@holdfast/contracts";
import { t } from "@lingui/core/macro";
import { Plural, Trans } from "@lingui/react/macro";
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
    <section className="panel" aria-label={t`Log`}>
      <div className="panel-head">
        <h2>
          {t`Log`}{" "}
          <span className="hint">
            <Trans>
              <Plural value={lines.length} one="# line" other="# lines" />, the last 50 are kept
            </Trans>
          </span>
        </h2>
        <CopyButton text={copied.join("\n")} label={t`Copy`} />
      </div>
      <section className="log-lines" aria-label={t`Lines, scrollable`} tabIndex={0}>
        <ol>
          {lines.map(({ text, at, level }, place) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: two lines may be equal
            <li key={place} className={`tone-${TONES[level]}`}>
              {at === null ? (
                <span className="log-time">{t`time not kept`}</span>
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
