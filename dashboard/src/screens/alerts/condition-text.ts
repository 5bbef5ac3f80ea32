import { plural, t } from "@lingui/core/macro";
import type { AlertCondition } from "../../api/alerts.ts";
import { count, percent } from "../../format/number.ts";
import { duration } from "../../format/time.ts";

/** Describes a condition. */
export function conditionText(when: AlertCondition): string {
  switch (when.kind) {
    case "dead_letters":
      return plural(when.above, { one: "more than # dead letter", other: "more than # dead letters" });
    case "oldest_pending":
      return t`the oldest pending task waits for more than ${duration(when.aboveMs)}`;
    case "no_workers":
      return t`tasks wait and no worker runs`;
    default:
      return t`more than ${percent(when.above)} of at least ${count(when.minTasks)} attempts failed within ${duration(when.windowMs)}`;
  }
}

/** Formats the figure that a condition compares with its limit. */
export function valueText(kind: AlertCondition["kind"], value: number | null): string {
  if (value === null) return t`not known`;
  switch (kind) {
    case "dead_letters":
      return plural(value, { one: "# dead letter", other: "# dead letters" });
    case "oldest_pending":
      return duration(value);
    case "no_workers":
      return plural(value, { one: "# task waits", other: "# tasks wait" });
    default:
      return percent(value);
  }
}
