/** The texts of a language, compiled from its file by dev/language.mjs. */
declare module "virtual:texts/*" {
  export const texts: import("./texts.tsx").Texts;
}
