import { Check, Minus } from "lucide-react";
import type { ReactNode } from "react";
import { Checkbox as AriaCheckbox, type CheckboxProps } from "react-aria-components";

function Box({ on, some }: { on: boolean; some: boolean }) {
  return (
    <span className="box" aria-hidden="true">
      {some ? <Minus size={12} /> : on ? <Check size={12} strokeWidth={3} /> : null}
    </span>
  );
}

/** A checkbox whose label is only for screen readers. Sighted users see from the row or column what it selects. */
export function Checkbox({
  label,
  ...props
}: Omit<CheckboxProps, "children" | "className"> & { label: string }) {
  return (
    <AriaCheckbox {...props} className="checkbox" aria-label={label}>
      {({ isSelected, isIndeterminate }) => <Box on={isSelected} some={isIndeterminate} />}
    </AriaCheckbox>
  );
}

/** A checkbox in a row of a long list. It is a native checkbox, because scrolling creates hundreds of them a second. */
export function RowCheckbox({
  label,
  isSelected,
  onToggle,
}: {
  label: string;
  isSelected: boolean;
  onToggle(range: boolean): void;
}) {
  return (
    <span className="checkbox row-checkbox" data-selected={isSelected ? "" : undefined}>
      <input
        type="checkbox"
        aria-label={label}
        checked={isSelected}
        // The event of onChange does not tell whether Shift is pressed, so onClick is used. The space bar also
        // triggers onClick.
        onClick={(event) => onToggle(event.shiftKey)}
        onChange={() => {}}
      />
      <Box on={isSelected} some={false} />
    </span>
  );
}

/** A checkbox with its text beside it. */
export function LabelledCheckbox({
  children,
  ...props
}: Omit<CheckboxProps, "children" | "className"> & { children: ReactNode }) {
  return (
    <AriaCheckbox {...props} className="checkbox">
      {({ isSelected, isIndeterminate }) => (
        <>
          <Box on={isSelected} some={isIndeterminate} />
          <span>{children}</span>
        </>
      )}
    </AriaCheckbox>
  );
}
