import { t } from "@lingui/core/macro";
import { Plural } from "@lingui/react/macro";
import { ForeignText } from "../../ui/foreign-text.tsx";
import { Time } from "../../ui/time.tsx";
import { MARK_LOOK, type Mark } from "./marks.ts";

/** The marks of the charts as a table, newest first. */
export function MarkTable({ marks }: { marks: readonly Mark[] }) {
  if (marks.length === 0) return null;
  return (
    <details className="marks">
      <summary>
        <Plural
          value={marks.length}
          one="# mark: deploys, pauses and replays"
          other="# marks: deploys, pauses and replays"
        />
      </summary>
      <table className="mark-table">
        <thead>
          <tr>
            <th scope="col">{t`When`}</th>
            <th scope="col">{t`Mark`}</th>
            <th scope="col">{t`What happened`}</th>
          </tr>
        </thead>
        <tbody>
          {marks.toReversed().map((mark) => {
            const { letter, name, color } = MARK_LOOK[mark.kind];
            return (
              <tr key={`${mark.at} ${mark.text}`}>
                <td>
                  <Time at={mark.at} />
                </td>
                <td>
                  <b style={{ color }}>{letter}</b> {name()}
                </td>
                <td className="wrap">
                  <ForeignText text={mark.text} />
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </details>
  );
}
