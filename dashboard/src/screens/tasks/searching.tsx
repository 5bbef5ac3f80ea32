import { t } from "@lingui/core/macro";
import { Trans } from "@lingui/react/macro";
import { count } from "../../format/number.ts";
import { Button } from "../../ui/button.tsx";
import { Loading } from "../../ui/empty.tsx";
import type { TaskList } from "./use-task-list.ts";

/** Shows the progress of a search that has found nothing yet, and a button that stops the search. */
export function Searching({ list }: { list: TaskList }) {
  if (!list.searching) return <Loading what={t`tasks`} />;
  return (
    <div className="empty" role="status">
      <p>
        <Trans>
          Searching: scanned {count(list.scanned)} of {count(Math.max(list.total, list.scanned))}
        </Trans>
      </p>
      <Button onPress={list.stop}>{t`Stop`}</Button>
    </div>
  );
}
