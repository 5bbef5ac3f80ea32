import { useEffect, useRef, useState } from "react";

interface Draft {
  text: string;
  /** Changes only the text in the field. */
  type(text: string): void;
  /** Changes the text in the field, and expects that the address will get the same text. */
  send(text: string): void;
}

/**
 * Keeps the text of a field that is also in the address. The address is updated later than the field. So a text from
 * the address replaces the text of the field only if it was not typed in the field. Otherwise an older text would
 * replace what the user has just typed.
 */
export function useDraft(address: string): Draft {
  const [text, setText] = useState(address);
  const sent = useRef<string[]>([]);
  useEffect(() => {
    const own = sent.current.indexOf(address);
    sent.current = own === -1 ? [] : sent.current.slice(own + 1);
    if (own === -1) setText(address);
  }, [address]);
  return {
    text,
    type: setText,
    send: (next) => {
      if (next !== address || sent.current.length > 0) sent.current.push(next);
      setText(next);
    },
  };
}
