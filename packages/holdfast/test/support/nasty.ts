/** Every byte by itself, and other texts that have broken a parser of lines and words. */
export const NASTY = [
  ...Array.from({ length: 256 }, (_, code) => String.fromCharCode(code)),
  "\u2028",
  "\u2029",
  "\ufeff",
  "\ud800",
  "\udc00",
  "😀",
  "~00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01 ",
  "%0A",
  "%2D",
  "%7E",
  "%25",
  "",
];

/**
 * Returns free text in the form in which it is stored: each kind of line end is one line break, and half a surrogate
 * pair is replaced by a whole one.
 */
export const asKept = (text: string) => text.replaceAll(/\r\n?/g, "\n").toWellFormed();
