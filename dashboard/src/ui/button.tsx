import type { ReactNode } from "react";
import {
  Button as AriaButton,
  type ButtonProps as AriaButtonProps,
  Focusable,
  Tooltip,
  TooltipTrigger,
} from "react-aria-components";

interface RowButtonProps {
  children: string;
  look?: "plain" | "danger";
  /** Why this user may not press the button; null if the user may. */
  denied: string | null;
  /** The id of the element that names the row, for screen readers. */
  describedBy: string;
  onPress(): void;
}

/** A button in a row of a long list. It is a native button, because scrolling creates hundreds of buttons a second. */
export function RowButton({ children, look = "plain", denied, describedBy, onPress }: RowButtonProps) {
  const off = denied === null ? {} : { "data-disabled": "", "aria-disabled": true, title: denied };
  return (
    <button
      type="button"
      className={`button button-${look} button-small`}
      aria-describedby={describedBy}
      aria-description={denied ?? undefined}
      onClick={denied === null ? onPress : undefined}
      {...off}
    >
      {children}
    </button>
  );
}

interface ButtonProps extends Omit<AriaButtonProps, "className" | "children"> {
  children: ReactNode;
  look?: "plain" | "primary" | "danger" | "quiet";
  small?: boolean;
  /** Why the user may not press the button. If it is set, the button is disabled and shows this text. */
  denied?: string | null;
}

export function Button({ look = "plain", small = false, denied = null, ...props }: ButtonProps) {
  const className = `button button-${look}${small ? " button-small" : ""}`;
  if (denied === null) return <AriaButton {...props} className={className} />;
  return (
    <TooltipTrigger delay={150}>
      <Focusable>
        <button
          type="button"
          className={className}
          data-disabled=""
          aria-disabled="true"
          aria-label={props["aria-label"]}
          aria-description={denied}
        >
          {props.children}
        </button>
      </Focusable>
      <Tooltip className="tooltip">{denied}</Tooltip>
    </TooltipTrigger>
  );
}
