/** Written by scripts/embed.mjs into `dist`: the code that own-code.ts needs in a bundle. */
export const heartbeatThread: string;
export const isolationChild: string;
