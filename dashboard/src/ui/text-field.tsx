import type { ReactNode } from "react";
import { TextField as AriaTextField, FieldError, Input, Label, Text, TextArea } from "react-aria-components";

interface TextFieldProps {
  label: string;
  value: string;
  onChange(value: string): void;
  hint?: ReactNode;
  /** Why the value is refused; null if it is valid. */
  error?: string | null;
  /** A warning about the value, which replaces the hint. */
  warning?: string | null;
  rows?: number;
  placeholder?: string;
  mono?: boolean;
  autoFocus?: boolean;
  required?: boolean;
  list?: string;
  inputMode?: "numeric" | "text";
  type?: "text" | "password";
}

export function TextField(props: TextFieldProps) {
  const {
    label,
    value,
    onChange,
    hint,
    error = null,
    warning = null,
    rows,
    placeholder,
    mono,
    autoFocus,
    list,
    inputMode,
  } = props;
  const className = mono === true ? "input mono" : "input";
  return (
    <AriaTextField
      className="field"
      value={value}
      onChange={onChange}
      isInvalid={error !== null}
      isRequired={props.required ?? false}
      validationBehavior="aria"
      autoFocus={autoFocus ?? false}
      autoComplete="off"
      spellCheck="false"
    >
      <Label>{label}</Label>
      {rows === undefined ? (
        <Input
          className={className}
          placeholder={placeholder ?? ""}
          {...(list === undefined ? {} : { list })}
          inputMode={inputMode ?? "text"}
          type={props.type ?? "text"}
        />
      ) : (
        <TextArea className={className} rows={rows} placeholder={placeholder ?? ""} />
      )}
      {error !== null || (hint === undefined && warning === null) ? null : (
        <Text slot="description" className={warning === null ? "hint" : "warn-text"}>
          {warning ?? hint}
        </Text>
      )}
      <FieldError className="error-text">{error}</FieldError>
    </AriaTextField>
  );
}
