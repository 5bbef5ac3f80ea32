/** Written by scripts/embed.mjs into `dist`: what own-code.ts needs in a bundle. */
export const heartbeatThread: string;
export const isolationChild: string;
