import { t } from "@lingui/core/macro";

interface ColumnHeadsProps {
  columns: readonly string[];
  /** The names of the columns that contain numbers. */
  numbers?: readonly string[];
  /** Whether the last column contains actions. @default true */
  hasActions?: boolean;
}

/** Shows the column names of a grid table. The last column contains the actions on a row, if there are any. */
export function ColumnHeads({ columns, numbers = [], hasActions = true }: ColumnHeadsProps) {
  return (
    <>
      {columns.map((text) => (
        <div key={text} role="columnheader" className={numbers.includes(text) ? "cell num" : "cell"}>
          {text}
        </div>
      ))}
      {hasActions ? (
        <div role="columnheader" className="cell">
          <span className="visually-hidden">{t`Actions`}</span>
        </div>
      ) : null}
    </>
  );
}

/** Shows the head row of a grid table. */
export function GridHead(props: ColumnHeadsProps) {
  return (
    <div role="rowgroup">
      <div className="grid-row grid-head" role="row">
        <ColumnHeads {...props} />
      </div>
    </div>
  );
}
