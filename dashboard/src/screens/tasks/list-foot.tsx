import { plural, t } from "@lingui/core/macro";
import { Trans } from "@lingui/react/macro";
import type { ReactNode } from "react";
import { count } from "../../format/number.ts";
import { Button } from "../../ui/button.tsx";
import type { Selection } from "./use-selection.ts";
import type { TaskList } from "./use-task-list.ts";

interface ListFootProps {
  list: TaskList;
  filtered: boolean;
  /** Returns the noun for this number of listed things. */
  noun(number: number): string;
  selection: Selection;
  /** The number of matching tasks, whether loaded or not; null if the service has not counted them yet. */
  matching: number | null;
  /** Buttons for actions on the selected rows. */
  actions: ReactNode;
  /** Whether the actions can change all matching tasks, including those that are not loaded. */
  allowEverything: boolean;
}

/** Shows how many rows of the list are loaded. If rows are selected, shows the actions on them instead. */
export function ListFoot(props: ListFootProps) {
  const { list, filtered, noun, selection, matching, actions, allowEverything } = props;
  const { rows, scanned, total, query, searching, stopped } = list;
  if (selection.any) {
    const chosen = selection.everything ? (matching ?? rows.length) : selection.ids.length;
    const more =
      allowEverything && selection.all && !selection.everything && (matching ?? total) > rows.length;
    return (
      <div className="list-foot" data-chosen="">
        <span>
          <Trans>
            <strong>{selection.everything ? t`All ${count(chosen)} that match` : noun(chosen)}</strong>{" "}
            selected
          </Trans>
        </span>
        {more ? (
          <Button small look="quiet" onPress={selection.chooseEverything}>
            {matching === null ? t`Select all that match` : t`Select all ${count(matching)} that match`}
          </Button>
        ) : null}
        <div className="actions">
          {actions}
          <Button small look="quiet" onPress={selection.clear}>
            {t`Clear selection`}
          </Button>
        </div>
      </div>
    );
  }
  return (
    <div className="list-foot">
      <span role="status">
        {filtered ? (
          <Trans>
            {plural(rows.length, { one: "# match", other: "# matches" })}, scanned {count(scanned)} of{" "}
            {count(Math.max(total, scanned))}
            {searching ? "…" : stopped ? t`, stopped` : ""}
          </Trans>
        ) : (
          <Trans>
            {noun(rows.length)} loaded
            {query.hasNextPage ? t` of ${count(Math.max(total, rows.length))}` : ""}
          </Trans>
        )}
      </span>
      <div className="actions">
        {searching ? (
          <Button small onPress={list.stop}>
            {t`Stop`}
          </Button>
        ) : null}
        {stopped ? (
          <Button small onPress={list.goOn}>
            {t`Search on`}
          </Button>
        ) : null}
        {query.isFetchingNextPage && !searching ? <span>{t`Loading…`}</span> : null}
        {query.hasNextPage || searching ? null : <span>{t`All shown`}</span>}
      </div>
    </div>
  );
}

/** Shows a button with the number of changes since the rows were loaded. A click loads the list again. */
export function ListNews({ list }: { list: TaskList }) {
  const { fresh, gone, query, refresh } = list;
  const text =
    fresh > 0
      ? t`${count(fresh)} new`
      : gone > 0
        ? t`${count(gone)} gone`
        : query.isFetching
          ? t`Refreshing`
          : t`Refresh`;
  return (
    <Button
      small
      look={fresh > 0 ? "primary" : "plain"}
      isDisabled={query.isFetching}
      onPress={() => void refresh()}
    >
      {text}
    </Button>
  );
}
