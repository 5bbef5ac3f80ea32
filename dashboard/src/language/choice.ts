import { readPreference, writePreference } from "../preferences.ts";
import { LANGUAGES, type Language, setLanguage, type Texts } from "./texts.tsx";

/** `system` is the language of the browser. */
const CHOICES = ["system", ...LANGUAGES] as const;
export type LanguageChoice = (typeof CHOICES)[number];

/** The English texts are in the code of the screens. Those of another language are loaded when it is chosen. */
const CATALOGS: Record<Language, () => Promise<{ texts: Texts }>> = {
  en: async () => ({ texts: {} }),
  de: () => import("virtual:texts/de"),
};

export const languageChoice = (): LanguageChoice => readPreference("language", CHOICES, "system");

/** Returns the first language of the browser that the dashboard has. */
export function languageOf(choice: LanguageChoice, wanted: readonly string[]): Language {
  if (choice !== "system") return choice;
  const known = wanted.map((tag) =>
    LANGUAGES.find((language) => tag.toLowerCase().split("-")[0] === language),
  );
  return known.find((language) => language !== undefined) ?? "en";
}

/** Loads the texts of the chosen language, and returns a function that shows them. */
async function loadLanguage(choice: LanguageChoice): Promise<() => void> {
  const language = languageOf(choice, navigator.languages);
  const { texts } = await CATALOGS[language]();
  return () => setLanguage(language, texts);
}

export const showLanguage = async (choice: LanguageChoice): Promise<void> => (await loadLanguage(choice))();

/** Keeps the choice in this browser if its texts could be loaded. */
export async function chooseLanguage(choice: LanguageChoice): Promise<void> {
  const show = await loadLanguage(choice);
  writePreference("language", choice);
  show();
}
