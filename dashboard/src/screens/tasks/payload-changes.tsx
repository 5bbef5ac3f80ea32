import { t } from "@lingui/core/macro";
import { Plural, Trans } from "@lingui/react/macro";
import { useMemo } from "react";
import { jsonChanges } from "../../format/json-diff.ts";
import { count } from "../../format/number.ts";
import { ForeignText } from "../../ui/foreign-text.tsx";

const SHOWN = 50;
const SHOWN_CHARACTERS = 300;

/** Lists the values of a payload that an edit changes, each with its path and its exact text before and after. */
export function PayloadChanges({ before, after }: { before: string; after: string }) {
  const changes = useMemo(() => jsonChanges(before, after, "payload"), [before, after]);
  if (before === after || changes === null) return null;
  if (changes.length === 0)
    return <p className="hint">{t`Only white space or the order of fields is different.`}</p>;
  return (
    <section className="value-changes" aria-label={t`Changed values, scrollable`} tabIndex={0}>
      <table>
        <caption>
          <Plural value={changes.length} one="# value changed" other="# values changed" />
        </caption>
        <thead>
          <tr>
            <th scope="col">{t`Path`}</th>
            <th scope="col">{t`From`}</th>
            <th scope="col">{t`To`}</th>
          </tr>
        </thead>
        <tbody>
          {changes.slice(0, SHOWN).map(({ path, from, to }) => (
            <tr key={`${path} ${from === null}`}>
              <th scope="row" className="mono">
                <ForeignText text={path} />
              </th>
              <td>
                <Value text={from} none={t`absent`} isOld />
              </td>
              <td>
                <Value text={to} none={t`removed`} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {changes.length > SHOWN ? (
        <p className="hint">
          <Trans>and {count(changes.length - SHOWN)} more</Trans>
        </p>
      ) : null}
    </section>
  );
}

function Value({ text, none, isOld = false }: { text: string | null; none: string; isOld?: boolean }) {
  if (text === null) return <span className="soft">{none}</span>;
  const Mark = isOld ? "del" : "ins";
  return (
    <Mark className="mono">
      <ForeignText text={text.slice(0, SHOWN_CHARACTERS)} />
      {text.length > SHOWN_CHARACTERS ? "…" : ""}
    </Mark>
  );
}
