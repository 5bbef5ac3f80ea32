import type { Plugin } from "vite";

export function language(): Plugin;
export function catalogPath(language: string): string;
export function readCatalog(language: string): Record<string, string>;
export function textOf(key: string): { message: string; context: string | undefined };
export function sources(): { path: string; code: string }[];
export function extractTexts(): Map<string, string>;
export function rawTexts(): string[];
