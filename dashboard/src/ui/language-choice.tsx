import { t } from "@lingui/core/macro";
import { Globe } from "lucide-react";
import { useEffect, useRef } from "react";
import { type LanguageChoice as Choice, chooseLanguage, languageChoice } from "../language/choice.ts";
import { Segments } from "./segments.tsx";
import { useToasts } from "./toast.tsx";

/** The name of each language is written in that language, for readers who understand no other. */
export const LANGUAGE_NAMES = { en: "English", de: "Deutsch" } as const;

/** A new language renders the page again, and the focus would be lost. So it is set to this field again. */
let returnsFocus = false;

export function LanguageChoice() {
  const { fail } = useToasts();
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (returnsFocus) place.current?.querySelector<HTMLElement>("[aria-checked=true]")?.focus();
    returnsFocus = false;
  }, []);
  const choose = async (choice: Choice) => {
    returnsFocus = true;
    await chooseLanguage(choice).catch((error: unknown) =>
      fail(() => t`The language could not be loaded`, error),
    );
  };
  return (
    <div ref={place}>
      <Segments
        label={t`Language`}
        value={languageChoice()}
        onChange={(choice) => void choose(choice)}
        options={[
          { value: "system", text: t`Language of the browser`, icon: Globe, iconOnly: true },
          { value: "en", text: LANGUAGE_NAMES.en },
          { value: "de", text: LANGUAGE_NAMES.de },
        ]}
      />
    </div>
  );
}
