import { PRIORITIES, type Priority } from "@holdfast/contracts";
import { t } from "@lingui/core/macro";
import { Segments } from "./segments.tsx";

const TEXT: Record<Priority, () => string> = {
  high: () => t`High`,
  normal: () => t`Normal`,
  low: () => t`Low`,
};

/** The names of the priorities for use inside a sentence. */
export const PRIORITY_TEXT: Record<Priority, () => string> = {
  high: () => t`high`,
  normal: () => t`normal`,
  low: () => t`low`,
};

/** A field to choose the priority of a task. */
export function PriorityField({ value, onChange }: { value: Priority; onChange(priority: Priority): void }) {
  return (
    <div className="field">
      <span>{t`Priority`}</span>
      <Segments<Priority>
        label={t`Priority`}
        value={value}
        onChange={onChange}
        options={PRIORITIES.map((priority) => ({ value: priority, text: TEXT[priority]() }))}
      />
    </div>
  );
}
