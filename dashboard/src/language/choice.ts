import { readPreference, writePreference } from "../preferences.ts";
import { LANGUAGES, type Language, setLanguage, type Texts } from "./texts.tsx";

/** The choice `system` stands for the language of the browser. */
const CHOICES = ["system", ...LANGUAGES] as const;
export type LanguageChoice = (typeof CHOICES)[number];

/** English texts are in the code of the screens. Another language is loaded when the user chooses it. */
const CATALOGS: Record<Language, () => Promise<{ texts: Texts }>> = {
  en: async () => ({ texts: {} }),
  de: () => import("virtual:texts/de"),
};

export const languageChoice = (): LanguageChoice => readPreference("language", CHOICES, "system");

/** Returns the first of the browser's languages in which the dashboard is available. */
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

/** Loads the texts of the chosen language, and then stores the choice in this browser. */
export async function chooseLanguage(choice: LanguageChoice): Promise<void> {
  const show = await loadLanguage(choice);
  writePreference("language", choice);
  show();
}
