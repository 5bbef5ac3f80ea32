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

/** A checkbox whose name is for screen readers: the row or column says the rest. */
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
