import { useEffect, useRef, useState } from "react";

interface Draft {
  text: string;
  /** Changes the text in the field only. */
  type(text: string): void;
  /** Changes the text, and says that the address will have it too. */
  send(text: string): void;
}

/**
 * The text of a field that is also in the address. The address is updated later than the field. So the field keeps its
 * own text, and takes the text of the address only if it did not come from the field. Otherwise an older text would
 * replace what was just typed.
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
