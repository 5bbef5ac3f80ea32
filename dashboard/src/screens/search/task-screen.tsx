import { t } from "@lingui/core/macro";
import type { ReactNode } from "react";
import { Button } from "../../ui/button.tsx";
import { Failed, NoneMatch, NoneYet } from "../../ui/empty.tsx";
import { ListNews } from "../tasks/list-foot.tsx";
import { Searching } from "../tasks/searching.tsx";
import { ColumnMenu } from "./column-menu.tsx";
import { QueryBar, QueryChips } from "./query-bar.tsx";
import { SavedViews } from "./saved-views.tsx";
import { SidePanel } from "./side-panel.tsx";
import type { useColumns } from "./use-columns.ts";
import type { TaskScreen } from "./use-task-screen.ts";

interface TaskScreenProps {
  screen: TaskScreen;
  label: string;
  /** The name of the listed things in the plural, such as `dead letters`. */
  noun: string;
  columns: ReturnType<typeof useColumns>;
  /** Buttons above the list. */
  tools?: ReactNode;
  /** The title that is shown if the list is empty and has no query. */
  none: string;
  /** What the user can do if the list is empty. */
  noneHint: ReactNode;
  /** The rows, and the parts below them. */
  children: ReactNode;
}

/** A list of tasks with its query bar and its side panel. */
export function TaskListScreen(props: TaskScreenProps) {
  const { screen, label, noun, columns, tools, none, noneHint, children } = props;
  const { list, draft, shown } = screen;
  const { query, rows, scanned } = list;
  const [queue = "", id = ""] = shown?.split("/", 2) ?? [];
  return (
    <>
      <QueryBar draft={draft} known={screen.known} />
      <QueryChips draft={draft} />
      <div className="with-side" data-side={shown === null ? undefined : ""}>
        <section className="panel" aria-label={label}>
          <div className="list-head">
            {screen.isWrong ? null : <ListNews list={list} />}
            <SavedViews />
            <ColumnMenu columns={columns} />
            {tools}
          </div>
          {screen.isWrong ? (
            <div className="empty" role="alert">
              <h2>{t`The query in the address cannot be read`}</h2>
              <p>
                {t`Without the query, the list would have more rows than you asked for, so no list is shown.`}
              </p>
              <Button onPress={screen.clear}>{t`Clear query`}</Button>
            </div>
          ) : query.isError && rows.length === 0 ? (
            <Failed error={query.error} onRetry={() => void query.refetch()} />
          ) : query.isPending || (rows.length === 0 && list.searching) ? (
            <Searching list={list} />
          ) : rows.length > 0 ? (
            children
          ) : screen.filtered ? (
            <NoneMatch what={noun} scanned={scanned} onClear={screen.clear} />
          ) : (
            <NoneYet title={none}>
              <p>{noneHint}</p>
            </NoneYet>
          )}
        </section>
        {shown === null ? null : (
          <SidePanel
            queue={queue}
            id={id}
            row={rows.find((task) => task.queue === queue && task.id === id)}
            onClose={() => screen.setShown(null)}
          />
        )}
      </div>
    </>
  );
}
