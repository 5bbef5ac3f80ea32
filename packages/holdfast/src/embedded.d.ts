/** scripts/embed.mjs writes this module into `dist`. It contains the code that own-code.ts needs in a bundle. */
export const heartbeatThread: string;
export const isolationChild: string;
