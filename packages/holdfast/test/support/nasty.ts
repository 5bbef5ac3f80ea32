/** Every single byte, and other texts that have broken parsers of lines or words. */
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
 * Returns a text as Redis stores it: each kind of line end becomes one line break, and half of a surrogate pair
 * becomes a replacement character.
 */
export const asKept = (text: string) => text.replaceAll(/\r\n?/g, "\n").toWellFormed();
