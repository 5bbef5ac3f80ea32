import { Button as AriaButton, type ButtonProps as AriaButtonProps } from "react-aria-components";

interface ButtonProps extends Omit<AriaButtonProps, "className"> {
  look?: "plain" | "primary" | "danger" | "quiet";
  small?: boolean;
}

export function Button({ look = "plain", small = false, ...props }: ButtonProps) {
  return <AriaButton {...props} className={`button button-${look}${small ? " button-small" : ""}`} />;
}
