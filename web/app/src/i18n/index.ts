// The viewer's language: the first of the browser's that we have, else English. Chosen once per page.

import { ParlorError } from "@parlor/client";
import { timeFormat } from "../text/time";
import { de } from "./de";
import type { Dictionary, ErrorWord } from "./dictionary";
import { en } from "./en";
import { zh } from "./zh";

export const dictionaries = { en, de, zh } as const;
export type Language = keyof typeof dictionaries;

function isLanguage(word: string): word is Language {
  return Object.hasOwn(dictionaries, word);
}

export function languageOf(preferred: readonly string[]): Language {
  for (const tag of preferred) {
    const [word = ""] = tag.toLowerCase().split("-");
    if (isLanguage(word)) return word;
  }
  return "en";
}

export const language = languageOf(navigator.languages);
export const words: Dictionary = dictionaries[language];
export const times = timeFormat(language, words);

/** The sentence for a server's error code. */
export function errorSentence(code: string): string {
  const { errors } = words;
  return Object.hasOwn(errors, code) ? errors[code as ErrorWord] : errors.unknown;
}

/** The sentence for whatever was thrown. */
export function failureSentence(error: unknown): string {
  return errorSentence(error instanceof ParlorError ? error.code : "unknown");
}
