/** The texts of a language, compiled from its file by dev/language.mjs. */
declare module "virtual:texts/*" {
  export const texts: Record<string, import("@lingui/message-utils/compileMessage").CompiledMessage>;
}
