import { PRIORITIES, type Priority } from "@holdfast/contracts";
import { Segments } from "./segments.tsx";

const TEXT: Record<Priority, string> = { high: "High", normal: "Normal", low: "Low" };

/** A field to choose the priority of a task. */
export function PriorityField({ value, onChange }: { value: Priority; onChange(priority: Priority): void }) {
  return (
    <div className="field">
      <span>Priority</span>
      <Segments<Priority>
        label="Priority"
        value={value}
        onChange={onChange}
        options={PRIORITIES.map((priority) => ({ value: priority, text: TEXT[priority] }))}
      />
    </div>
  );
}
