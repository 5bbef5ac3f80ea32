import { Check, Minus } from "lucide-react";
import { Checkbox as AriaCheckbox, type CheckboxProps } from "react-aria-components";

/** A checkbox whose name is for screen readers: the row or column says the rest. */
export function Checkbox({
  label,
  ...props
}: Omit<CheckboxProps, "children" | "className"> & { label: string }) {
  return (
    <AriaCheckbox {...props} className="checkbox" aria-label={label}>
      {({ isSelected, isIndeterminate }) => (
        <span className="box" aria-hidden="true">
          {isIndeterminate ? <Minus size={12} /> : isSelected ? <Check size={12} strokeWidth={3} /> : null}
        </span>
      )}
    </AriaCheckbox>
  );
}
